//! Searches beside a slow model of them, on random records.

use std::{collections::HashSet, sync::Arc};

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{Metadata, Namespace, NewRecord, Search};
use crate::local::vector::{
    filter::parse,
    score::{DenseQuery, Fusion, Ranked, Similarity, SparseVector, Weighting},
};

type Entries = Vec<(i32, f32)>;

#[derive(Debug, Clone)]
struct Row {
    id: u8,
    dense: [f32; 3],
    sparse: Entries,
    colour: u8,
}

/// One of eight numbers, so that scores are often equal.
fn number() -> impl Strategy<Value = f32> {
    (0..8_u8).prop_map(|n| f32::from(n) / 4.0 - 1.0)
}

fn entries() -> impl Strategy<Value = Entries> {
    proptest::collection::btree_map(0..6_i32, number(), 1..4).prop_map(|map| map.into_iter().collect())
}

fn rows() -> impl Strategy<Value = Vec<(bool, Row)>> {
    let row = (0..30_u8, [number(), number(), number()], entries(), 0..3_u8)
        .prop_map(|(id, dense, sparse, colour)| Row { id, dense, sparse, colour });
    proptest::collection::vec((prop::bool::weighted(0.2), row), 0..60)
}

/// The rows that are left, in the order in which their ids came first.
fn left(rows: &[(bool, Row)]) -> Vec<Row> {
    let mut left: Vec<Row> = Vec::new();
    for (is_deleted, row) in rows {
        let at = left.iter().position(|known| known.id == row.id);
        match (is_deleted, at) {
            (true, Some(at)) => drop(left.remove(at)),
            (true, None) => {}
            (false, Some(at)) => left[at] = row.clone(),
            (false, None) => left.push(row.clone()),
        }
    }
    left
}

fn namespace(rows: &[(bool, Row)]) -> Namespace {
    let mut namespace = Namespace::new(3);
    for (is_deleted, row) in rows {
        if *is_deleted {
            namespace.delete(&row.id.to_string());
            continue;
        }
        let metadata = RawValue::from_string(format!(r#"{{"colour":{}}}"#, row.colour)).unwrap();
        let new = NewRecord {
            id: row.id.to_string(),
            dense: Some(row.dense.to_vec()),
            sparse: Some(SparseVector::sorted(row.sparse.clone())),
            metadata: Metadata::read(&metadata),
            data: None,
        };
        namespace.upsert(new, 0);
    }
    namespace
}

fn dense_score(similarity: Similarity, a: &[f32; 3], b: &[f32; 3]) -> f32 {
    let sum = |f: fn(f32, f32) -> f32| a.iter().zip(b).fold(0.0_f32, |sum, (a, b)| sum + f(*a, *b));
    match similarity {
        Similarity::DotProduct => (1.0 + sum(|a, b| a * b)) / 2.0,
        Similarity::Euclidean => 1.0 / (1.0 + sum(|a, b| (a - b) * (a - b))),
        Similarity::Cosine => {
            let square = |v: &[f32; 3]| v.iter().fold(0.0_f32, |sum, a| sum + a * a);
            let lengths = (f64::from(square(a)) * f64::from(square(b))).sqrt();
            let cosine = if lengths == 0.0 { 0.0 } else { (f64::from(sum(|a, b| a * b)) / lengths) as f32 };
            f32::midpoint(1.0, cosine)
        }
    }
}

fn sparse_score(rows: &[Row], query: &Entries, weighting: Weighting, row: &Row) -> Option<f32> {
    let mut score = None;
    for (index, value) in query {
        let Some((_, weight)) = row.sparse.iter().find(|(own, _)| own == index) else { continue };
        let having = rows.iter().filter(|row| row.sparse.iter().any(|(own, _)| own == index)).count() as f64;
        let idf = ((rows.len() as f64 - having + 0.5) / (having + 0.5) + 1.0).ln() as f32;
        let value = if weighting == Weighting::Idf { value * idf } else { *value };
        score = Some(score.unwrap_or(0.0) + value * weight);
    }
    score
}

fn sorted(mut scores: Vec<(usize, f32)>, count: usize) -> Vec<(usize, f32)> {
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores.truncate(count);
    scores
}

fn fused(fusion: Fusion, halves: [&[(usize, f32)]; 2], count: usize) -> Vec<(usize, f32)> {
    let mut sums: Vec<(usize, f32)> = Vec::new();
    for half in halves {
        let n = half.len() as f64;
        let mean = half.iter().map(|(_, score)| f64::from(*score)).sum::<f64>() / n;
        let squares = half.iter().map(|(_, score)| (f64::from(*score) - mean).powi(2)).sum::<f64>();
        let (mean, deviation) = (mean as f32, (squares / (n - 1.0)).sqrt() as f32);
        let (least, greatest) = (mean - 3.0 * deviation, mean + 3.0 * deviation);
        for (rank, (row, score)) in half.iter().enumerate() {
            let part = match fusion {
                Fusion::ReciprocalRank => 1.0 / (rank as f32 + 60.0),
                Fusion::DistributionBased if greatest - least > 0.0 => (score - least) / (greatest - least),
                Fusion::DistributionBased => 0.5,
            };
            match sums.iter_mut().find(|(known, _)| known == row) {
                Some((_, sum)) => *sum += part,
                None => sums.push((*row, part)),
            }
        }
    }
    sorted(sums, count)
}

fn ids(namespace: &Namespace, found: &[Ranked]) -> Vec<(u8, f32)> {
    found.iter().map(|found| (namespace.record(found.slot).unwrap().id.parse().unwrap(), found.score)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_search_finds_what_the_model_finds(
        rows in rows(),
        dense in proptest::option::of([number(), number(), number()]),
        sparse in proptest::option::of(entries()),
        similarity in prop_oneof![Just(Similarity::Cosine), Just(Similarity::Euclidean), Just(Similarity::DotProduct)],
        is_idf in any::<bool>(),
        is_rrf in any::<bool>(),
        colours in proptest::option::of(0..3_u8),
        count in 1..12_usize,
    ) {
        prop_assume!(dense.is_some() || sparse.is_some());
        let weighting = if is_idf { Weighting::Idf } else { Weighting::AsGiven };
        let fusion = if is_rrf { Fusion::ReciprocalRank } else { Fusion::DistributionBased };
        let mut namespace = namespace(&rows);
        let rows = left(&rows);
        let filter = colours.map_or(String::new(), |colour| format!("colour != {colour}"));
        let search = Search {
            dense: dense.map(|dense| DenseQuery::new(dense.to_vec(), similarity)),
            sparse: sparse.clone().map(SparseVector::sorted),
            weighting,
            fusion,
            filter: parse(&filter, 9).unwrap(),
            threads: 1,
        };
        let expected = |returned: &HashSet<u8>, depth: usize| -> Vec<(u8, f32)> {
            let is_in = |row: &Row| Some(row.colour) != colours && !returned.contains(&row.id);
            let indexed = || rows.iter().enumerate().filter(|(_, row)| is_in(row));
            let by_dense = dense.map(|query| {
                sorted(indexed().map(|(at, row)| (at, dense_score(similarity, &query, &row.dense))).collect(), depth)
            });
            let by_sparse = sparse.as_ref().map(|query| {
                let scores = indexed().filter_map(|(at, row)| Some((at, sparse_score(&rows, query, weighting, row)?)));
                sorted(scores.collect(), depth)
            });
            let found = match (by_dense, by_sparse) {
                (Some(dense), Some(sparse)) => fused(fusion, [&dense, &sparse], count),
                (one, other) => sorted(one.or(other).unwrap_or_default(), count),
            };
            found.into_iter().map(|(at, score)| (rows[at].id, score)).collect()
        };
        let found = search.best(&namespace, count, 0);
        prop_assert_eq!(ids(&namespace, &found), expected(&HashSet::new(), usize::MAX));
        namespace.tidy();
        // Page by page, nothing comes twice.
        let (mut known, mut returned) = (HashSet::new(), HashSet::new());
        for _ in 0..8 {
            let page = search.next(&namespace, count, 0, &known);
            let ids = ids(&namespace, &page);
            prop_assert_eq!(&ids, &expected(&returned, count));
            prop_assert!(ids.iter().all(|(id, _)| returned.insert(*id)));
            known.extend(page.iter().map(|found| Arc::clone(&namespace.record(found.slot).unwrap().id)));
        }
    }

    #[test]
    fn pages_have_each_record_once_in_the_order_of_insertion(
        rows in rows(), limit in 1..7_usize, prefix in prop_oneof![Just(""), Just("1"), Just("x")],
    ) {
        let namespace = namespace(&rows);
        let expected: Vec<String> =
            left(&rows).iter().map(|row| row.id.to_string()).filter(|id| id.starts_with(prefix)).collect();
        let (mut found, mut next) = (Vec::new(), Some(0));
        while let Some(cursor) = next {
            let page = namespace.page(cursor, limit, prefix);
            prop_assert!(page.slots.len() == limit || page.next.is_none());
            found.extend(page.slots.iter().map(|slot| namespace.record(*slot).unwrap().id.to_string()));
            next = page.next;
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn the_numbers_of_the_official_tests_come_out() {
    let mut namespace = Namespace::new(2);
    for (id, dense, sparse) in [
        ("id0", [0.1, 0.2], [(0, 0.1), (1, 0.2)]),
        ("id1", [0.2, 0.3], [(1, 0.2), (2, 0.3)]),
        ("id2", [0.3, 0.4], [(2, 0.3), (3, 0.4)]),
    ] {
        let sparse = Some(SparseVector::sorted(sparse.to_vec()));
        let (dense, id) = (Some(dense.to_vec()), id.to_owned());
        namespace.upsert(NewRecord { id, dense, sparse, metadata: None, data: None }, 0);
    }
    let search = |dense: [f32; 2], sparse: &[(i32, f32)], weighting, fusion| Search {
        dense: Some(DenseQuery::new(dense.to_vec(), Similarity::Cosine)),
        sparse: Some(SparseVector::sorted(sparse.to_vec())),
        weighting,
        fusion,
        filter: parse("", 9).unwrap(),
        threads: 1,
    };
    let found = |found: Vec<Ranked>| -> Vec<(String, f32)> {
        found.iter().map(|found| (namespace.record(found.slot).unwrap().id.to_string(), found.score)).collect()
    };
    let rrf = search([0.1, 0.1], &[(3, 0.1), (4, 0.2)], Weighting::AsGiven, Fusion::ReciprocalRank);
    assert_eq!(found(rrf.best(&namespace, 1, 0)), [("id2".to_owned(), 0.033_333_335)]);
    let rrf = search([0.5, 0.1], &[(0, 0.5), (1, 0.1)], Weighting::AsGiven, Fusion::ReciprocalRank);
    assert_eq!(found(rrf.best(&namespace, 3, 0))[0], ("id0".to_owned(), 0.032_795_697));
    let paged = search([0.1, 0.1], &[(0, 0.1)], Weighting::Idf, Fusion::DistributionBased);
    let first = paged.next(&namespace, 2, 0, &HashSet::new());
    let known = first.iter().map(|found| Arc::clone(&namespace.record(found.slot).unwrap().id)).collect();
    assert_eq!(found(first), [("id2".to_owned(), 0.617_851), ("id0".to_owned(), 0.5)]);
    assert_eq!(found(paged.next(&namespace, 1, 0, &known)), [("id1".to_owned(), 0.5)]);
}

#[test]
fn deleted_records_give_their_room_back() {
    let mut namespace = Namespace::new(1);
    let record = |id: usize| NewRecord {
        id: id.to_string(),
        dense: Some(vec![id as f32]),
        sparse: None,
        metadata: None,
        data: None,
    };
    for id in 0..3_000 {
        namespace.upsert(record(id), 0);
    }
    for id in (0..3_000).filter(|id| id % 10 != 7) {
        assert!(namespace.delete(&id.to_string()));
    }
    namespace.tidy();
    assert_eq!((namespace.slots.len(), namespace.len()), (300, 300));
    let slot = namespace.slot("2997").unwrap();
    assert_eq!((namespace.vector(slot).unwrap(), namespace.number(slot).unwrap()), (&[2997.0][..], 2997));
    let page = namespace.page(2_990, 9, "");
    assert_eq!((page.slots, page.next), (vec![slot], None));
}

/// Enough vectors for several threads, many of them equal.
#[test]
fn threads_find_what_one_finds() {
    let dimension = 64;
    let mut namespace = Namespace::new(dimension);
    let mut state = 17_u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as f32 / 128.0 - 1.0
    };
    let vectors: Vec<Vec<f32>> = (0..5_000).map(|_| (0..dimension).map(|_| random()).collect()).collect();
    for id in 0..70_000_usize {
        let dense = Some(vectors[id % vectors.len()].clone());
        let new = NewRecord { id: id.to_string(), dense, sparse: None, metadata: None, data: None };
        namespace.upsert(new, 0);
    }
    assert!(super::is_large(namespace.len(), dimension));
    for similarity in [Similarity::Cosine, Similarity::Euclidean, Similarity::DotProduct] {
        let search = |threads| Search {
            dense: Some(DenseQuery::new(vectors[7].clone(), similarity)),
            sparse: None,
            weighting: Weighting::AsGiven,
            fusion: Fusion::ReciprocalRank,
            filter: parse("", 9).unwrap(),
            threads,
        };
        let one = search(1).best(&namespace, 100, 0);
        assert_eq!(one, search(3).best(&namespace, 100, 0));
        if similarity != Similarity::DotProduct {
            let slots: Vec<u32> = one.iter().take(14).map(|found| found.slot).collect();
            assert_eq!(slots, (0..14).map(|n| 7 + n * 5_000).collect::<Vec<_>>());
        }
        let all = search(2).best(&namespace, usize::MAX, 0);
        assert_eq!((all.len(), &all[..100]), (70_000, &one[..]));
    }
}
