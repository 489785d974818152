use crate::{index, sparse};
use axum_upstash::{
    local::LocalVector,
    vector::{Fusion, Include, Index, Match, Query, QueryMode, Record, field},
};
use serde_json::json;

fn ids(found: &[Match]) -> Vec<&str> {
    found.iter().map(|found| found.id.as_str()).collect()
}

/// The three records of the checks of the official suites.
async fn three(index: &Index) {
    for (id, dense, entries) in [
        ("id0", [0.1, 0.2], [(0, 0.1), (1, 0.2)]),
        ("id1", [0.2, 0.3], [(1, 0.2), (2, 0.3)]),
        ("id2", [0.3, 0.4], [(2, 0.3), (3, 0.4)]),
    ] {
        index.upsert(Record::hybrid(id, dense, sparse(&entries)).metadata(json!({"id": id}))).await.unwrap();
    }
}

#[tokio::test]
async fn scores_are_exactly_those_of_the_service() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "hybrid-2");
    three(&index).await;
    for (query, expected) in [
        (Query::hybrid([0.1, 0.1], sparse(&[(3, 0.1), (4, 0.2)])).top_k(1), vec![("id2", 0.033_333_335)]),
        (Query::hybrid([0.5, 0.1], sparse(&[(0, 0.5), (1, 0.1)])).top_k(1), vec![("id0", 0.032_795_697)]),
        (Query::sparse(sparse(&[(2, 0.5), (3, 0.5)])).weighted_by_idf().top_k(1), vec![("id2", 0.266_666_38)]),
        (
            Query::sparse(sparse(&[(0, 0.1), (1, 0.2)])).weighted_by_idf(),
            vec![("id0", 0.028_608_438), ("id1", 0.018_800_145)],
        ),
        (Query::dense([0.3, 0.4]).top_k(1), vec![("id2", 1.0)]),
    ] {
        let found = index.query(query).await.unwrap();
        let found: Vec<(&str, f32)> = found.iter().map(|found| (found.id.as_str(), found.score)).collect();
        assert_eq!(found, expected);
    }
    let query = Query::hybrid([0.1, 0.1], sparse(&[(0, 0.1)])).fusion(Fusion::DistributionBased);
    assert_eq!(index.query(query).await.unwrap().len(), 3);
}

#[tokio::test]
async fn filters_and_includes_are_kept() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "hybrid-2");
    three(&index).await;
    let filter = field("id").ne("id2") & field("id").glob("id?");
    let query = Query::dense([0.3, 0.4]).filter(filter).include(Include::METADATA | Include::VECTORS);
    let found = index.query(query).await.unwrap();
    assert_eq!(ids(&found), ["id1", "id0"]);
    assert_eq!(found[0].metadata, Some(json!({"id": "id1"})));
    assert_eq!(found[0].vector, Some(vec![0.2, 0.3]));
    assert_eq!(found[0].sparse_vector, Some(sparse(&[(1, 0.2), (2, 0.3)])));
    assert_eq!(found[0].data, None);
    let nothing = index.query(Query::dense([0.3, 0.4])).await.unwrap();
    assert!(nothing.iter().all(|found| found.metadata.is_none() && found.vector.is_none()));
}

#[tokio::test]
async fn a_text_of_a_user_cannot_end_a_filter() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    let names =
        ["it's", "\"quoted\"", "x' OR HAS FIELD name OR name = 'x", "back\\slash", "end\\", "\\' OR 1", "a\nb", "ü"];
    for (id, name) in (0_u64..).zip(names) {
        index.upsert(Record::dense(id, [1.0, 0.0]).metadata(json!({"name": name}))).await.unwrap();
    }
    for (id, name) in (0_u64..).zip(names) {
        let found = index.query(Query::dense([1.0, 0.0]).filter(field("name").eq(name))).await.unwrap();
        assert_eq!(ids(&found), [id.to_string()], "{name}");
    }
    let error = index.query(Query::dense([1.0, 0.0]).filter(field("name").eq("'\""))).await.unwrap_err();
    assert_eq!(error.kind(), axum_upstash::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn several_queries_have_their_results_in_order() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-embed");
    assert_eq!(index.query_many([]).await.unwrap(), [] as [Vec<Match>; 0]);
    // Of one query the service does not nest the results.
    assert_eq!(index.query_many([Query::text("anything")]).await.unwrap(), [vec![]]);
    let texts = (0..30_u64).map(|n| Record::text(n, format!("record number {n} of many")));
    index.upsert_all(texts).await.unwrap();
    let one = index.query_many([Query::text("record number 7 of many").top_k(2)]).await.unwrap();
    assert_eq!((one.len(), one[0].len(), one[0][0].id.as_str(), one[0][0].score), (1, 2, "7", 1.0));

    let vector = |n: u64| {
        let index = index.clone();
        async move { index.fetch([n], Include::VECTORS).await.unwrap().remove(0).unwrap().vector.unwrap() }
    };
    // By text and by vector, more than a request has.
    let mut queries = Vec::new();
    for n in 0..250 {
        let of = n % 30;
        queries.push(match n % 2 {
            0 => Query::text(format!("record number {of} of many")),
            _ => Query::dense(vector(of).await),
        });
    }
    let before = local.requests();
    let found = index.query_many(queries.into_iter().map(|query| query.top_k(1))).await.unwrap();
    assert_eq!(local.requests() - before, 4);
    let found: Vec<&str> = found.iter().map(|found| found[0].id.as_str()).collect();
    assert_eq!(found, (0..250).map(|n| (n % 30).to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn texts_are_found_by_either_half() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "hybrid-embed");
    for (id, text) in [("1", "Ankara is the capital of Türkiye"), ("2", "Tokyo is in Japan"), ("3", "capitals")] {
        index.upsert(Record::text(id, text)).await.unwrap();
    }
    let query = |mode| Query::text("the capital of Türkiye").mode(mode).include(Include::DATA);
    for mode in [QueryMode::Hybrid, QueryMode::Dense, QueryMode::Sparse] {
        let found = index.query(query(mode)).await.unwrap();
        assert_eq!(found[0].data.as_deref(), Some("Ankara is the capital of Türkiye"));
    }
    // Those that share no word are not among the results by words.
    let found = index.query(query(QueryMode::Sparse)).await.unwrap();
    assert_eq!(ids(&found), ["1", "3"]);
    assert_eq!(index.query(query(QueryMode::Dense)).await.unwrap().len(), 3);
    // New data, new vectors.
    assert!(index.update(axum_upstash::vector::Update::new("2").data("Türkiye")).await.unwrap());
    assert_eq!(ids(&index.query(query(QueryMode::Sparse)).await.unwrap()), ["1", "2", "3"]);
}
