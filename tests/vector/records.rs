use crate::{index, sparse};
use axum_upstash::{
    local::{LocalVector, LocalVectorIndex},
    vector::{Include, Index, Record, StoredRecord, Update, VectorId, field},
};
use futures_util::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Article {
    title: String,
    views: u32,
}

#[tokio::test]
async fn a_record_comes_back_as_it_was_stored() {
    let local = LocalVector::start().await.unwrap();
    let articles: Index<Article> = index(&local, "hybrid-2");
    let article = Article { title: "it's \"Tokyo\"\n".into(), views: 17 };
    let vector = sparse(&[(7, 0.1), (1, -3.5)]);
    let record = Record::hybrid("a/b+c==", [0.1, -1e-20], vector.clone()).metadata(article.clone()).data("text");
    articles.upsert(record).await.unwrap();

    let found = articles.fetch(["x", "a/b+c=="], Include::ALL).await.unwrap();
    assert_eq!(found[0], None);
    let StoredRecord { id, vector: dense, sparse_vector, metadata, data, .. } = found[1].clone().unwrap();
    assert_eq!((id.as_str(), dense, data.as_deref()), ("a/b+c==", Some(vec![0.1, -1e-20]), Some("text")));
    assert_eq!((sparse_vector, metadata), (Some(vector), Some(article)));
    // Only what is asked for.
    let found = articles.fetch(["a/b+c=="], Include::DATA).await.unwrap().remove(0).unwrap();
    assert_eq!((found.vector, found.metadata, found.data.as_deref()), (None, None, Some("text")));

    // A new record replaces the whole.
    articles.upsert(Record::hybrid("a/b+c==", [1.0, 2.0], sparse(&[(1, 1.0)]))).await.unwrap();
    let found = articles.fetch(["a/b+c=="], Include::ALL).await.unwrap().remove(0).unwrap();
    assert_eq!((found.vector, found.metadata, found.data), (Some(vec![1.0, 2.0]), None, None));
    assert_eq!(articles.random().await.unwrap().unwrap().id, "a/b+c==");
}

#[tokio::test]
async fn every_f32_survives() {
    let numbers = [f32::MIN_POSITIVE, f32::from_bits(1), 0.1, 1.0 / 3.0, 1.844e19, -0.0, 16_777_217.0];
    let kind = LocalVectorIndex::dense("numbers", numbers.len());
    let local = LocalVector::builder().index(kind).start().await.unwrap();
    let index: Index = index(&local, "numbers");
    index.upsert(Record::dense(1, numbers)).await.unwrap();
    let found = index.fetch([1], Include::VECTORS).await.unwrap().remove(0).unwrap().vector.unwrap();
    assert_eq!(found.map_to_bits(), numbers.to_vec().map_to_bits());
}

trait Bits {
    fn map_to_bits(self) -> Vec<u32>;
}

impl Bits for Vec<f32> {
    fn map_to_bits(self) -> Vec<u32> {
        self.into_iter().map(f32::to_bits).collect()
    }
}

#[tokio::test]
async fn parts_of_a_record_change() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    let record = Record::dense("a", [1.0, 0.0]).metadata(json!({"a": 1, "b": {"c": 2, "d": 3}})).data("old");
    index.upsert(record).await.unwrap();
    assert!(index.update(Update::new("a").patch(json!({"a": null, "b": {"c": 7}, "e": [1]}))).await.unwrap());
    assert!(index.update(Update::new("a").data("new")).await.unwrap());
    assert!(index.update(Update::new("a").vector([0.0, 1.0])).await.unwrap());
    assert!(!index.update(Update::new("b").data("new")).await.unwrap());
    let found = index.fetch(["a"], Include::ALL).await.unwrap().remove(0).unwrap();
    assert_eq!(found.metadata, Some(json!({"b": {"c": 7, "d": 3}, "e": [1]})));
    assert_eq!((found.data.as_deref(), found.vector), (Some("new"), Some(vec![0.0, 1.0])));
    assert!(index.update(Update::new("a").metadata(json!({"only": 1}))).await.unwrap());
    let found = index.fetch(["a"], Include::METADATA).await.unwrap().remove(0).unwrap();
    assert_eq!(found.metadata, Some(json!({"only": 1})));
    assert!(index.update(Update::new("a").vector([f32::NAN, 0.0])).await.is_err());
}

#[tokio::test]
async fn records_are_deleted_by_id_by_prefix_and_by_metadata() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    let records = (0..20_u32).map(|n| Record::dense(format!("{}-{n}", n % 2), [1.0, 0.0]).metadata(json!({"n": n})));
    index.upsert_all(records).await.unwrap();
    assert_eq!(index.delete(["0-0", "0-0", "x"]).await.unwrap(), 1);
    assert_eq!(index.delete_where(field("n").is_in([2, 4]) | field("n").eq(99)).await.unwrap(), 2);
    assert_eq!(index.delete_prefix("1-").await.unwrap(), 10);
    assert_eq!(index.fetch_prefix("", Include::NONE).await.unwrap().len(), 7);
    // By mistake nothing is deleted.
    assert!(index.delete_prefix("").await.is_err());
    assert!(index.delete_where(axum_upstash::vector::Filter::all([])).await.is_err());
    assert_eq!(index.delete(Vec::<VectorId>::new()).await.unwrap(), 0);
    assert_eq!(index.info().await.unwrap().vector_count, 7);
}

#[tokio::test]
async fn a_range_has_all_records_in_the_order_of_insertion() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    let records = (0..25_u32).map(|n| Record::dense(format!("{}-{n}", n % 2), [1.0, 0.0]).data(n.to_string()));
    index.upsert_all(records).await.unwrap();
    let all: Vec<_> = index.range().page_size(4).include(Include::DATA).try_collect().await.unwrap();
    let data: Vec<u32> = all.iter().map(|record| record.data.as_ref().unwrap().parse().unwrap()).collect();
    assert_eq!(data, (0..25).collect::<Vec<_>>());
    let odd: Vec<_> = index.range().prefix("1-").page_size(5).map_ok(|record| record.id).try_collect().await.unwrap();
    assert_eq!(odd, (0..25).filter(|n| n % 2 == 1).map(|n| format!("1-{n}")).collect::<Vec<_>>());

    let page = index.range().page_size(20).page().await.unwrap();
    assert_eq!(page.records.len(), 20);
    let rest = index.range().page_size(20).after(page.cursor.unwrap()).page().await.unwrap();
    assert_eq!((rest.records.len(), rest.cursor), (5, None));
    // The last page is full, and is the last all the same.
    let page = index.range().page_size(25).page().await.unwrap();
    assert_eq!((page.records.len(), page.cursor), (25, None));
    assert!(index.namespace("none").range().next().await.is_none());
}

#[tokio::test]
async fn namespaces_are_apart() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    // Names that a path has to escape.
    let (a, b) = (index.namespace("a b/ü?#"), index.namespace("b"));
    a.upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
    b.upsert(Record::dense(1, [0.0, 1.0])).await.unwrap();
    assert_eq!(index.namespaces().await.unwrap(), ["", "a b/ü?#", "b"]);
    assert_eq!(index.fetch([1], Include::NONE).await.unwrap(), [None]);
    assert_eq!(a.fetch([1], Include::VECTORS).await.unwrap()[0].as_ref().unwrap().vector, Some(vec![1.0, 0.0]));
    let counts = index.info().await.unwrap().namespaces;
    assert_eq!(counts["a b/ü?#"].vector_count, 1);

    a.reset().await.unwrap();
    assert_eq!(a.random().await.unwrap(), None);
    assert_eq!(index.info().await.unwrap().vector_count, 1);
    assert_eq!(index.namespaces().await.unwrap().len(), 3);

    // A rename keeps the records, and drops those of a namespace in its way only when told to.
    let error = b.rename_namespace("a b/ü?#").await.unwrap_err();
    assert_eq!(error.status(), Some(422));
    let renamed = b.replace_namespace("a b/ü?#").await.unwrap();
    assert_eq!(renamed.fetch([1], Include::VECTORS).await.unwrap()[0].as_ref().unwrap().vector, Some(vec![0.0, 1.0]));
    assert_eq!(index.namespaces().await.unwrap(), ["", "a b/ü?#"]);
    renamed.delete_namespace().await.unwrap();
    assert_eq!(renamed.delete_namespace().await.unwrap_err().kind(), axum_upstash::ErrorKind::NotFound);
    assert!(index.delete_namespace().await.is_err() && index.rename_namespace("x").await.is_err());

    index.upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
    b.upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
    index.reset_all().await.unwrap();
    assert_eq!(index.info().await.unwrap().vector_count, 0);
}

#[tokio::test]
async fn metadata_of_another_type_is_an_error_without_its_values() {
    let local = LocalVector::start().await.unwrap();
    let index: Index<Value> = index(&local, "dense-2");
    index.upsert(Record::dense(1, [1.0, 0.0]).metadata(json!({"title": "secret", "views": "secret"}))).await.unwrap();
    let error = index.typed::<Article>().fetch([1], Include::METADATA).await.unwrap_err();
    assert_eq!(error.kind(), axum_upstash::ErrorKind::Decode);
    assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
    let record: Record<f32> = Record::dense(1, [1.0, 0.0]).metadata(1.5);
    assert_eq!(index.typed().upsert(record).await.unwrap_err().status(), Some(422));
}

/// A URL with such a segment is one without it.
#[tokio::test]
async fn a_namespace_that_no_url_can_name_is_refused() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    index.upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
    for name in [".", ".."] {
        let kind = axum_upstash::ErrorKind::InvalidInput;
        assert_eq!(index.namespace(name).reset().await.unwrap_err().kind(), kind);
        assert_eq!(index.namespace(name).delete([1]).await.unwrap_err().kind(), kind);
        assert_eq!(index.namespace("a").rename_namespace(name).await.unwrap_err().kind(), kind);
    }
    assert_eq!(index.info().await.unwrap().vector_count, 1);
    // These are names as any other.
    for name in ["...", "%2e", ".a", "a/../b"] {
        index.namespace(name).upsert(Record::dense(2, [1.0, 0.0])).await.unwrap();
    }
    assert_eq!(index.namespaces().await.unwrap(), ["", "...", "%2e", ".a", "a/../b"]);
}

#[tokio::test]
async fn a_namespace_is_copied_record_by_record() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "hybrid-2");
    let records = (0..30_u32).map(|n| Record::hybrid(n, [1.0, 0.5], sparse(&[(n, 1.0)])).metadata(json!({"n": n})));
    index.upsert_all(records).await.unwrap();
    let all: Vec<StoredRecord> = index.range().include(Include::ALL).try_collect().await.unwrap();
    index.namespace("copy").upsert_all(all.clone()).concurrency(1).await.unwrap();
    let copied: Vec<StoredRecord> = index.namespace("copy").range().include(Include::ALL).try_collect().await.unwrap();
    assert_eq!(copied, all);
    assert_eq!(serde_json::to_value(&copied[3]).unwrap()["sparseVector"], json!({"indices": [3], "values": [1.0]}));
}

#[test]
fn what_is_printed_for_developers_has_no_values() {
    use axum_upstash::vector::{FilterValue, Query};
    let record: Record<Value> = Record::text("id", "secret").metadata(json!("secret"));
    let update: Update<Value> = Update::new("id").data("secret");
    let query = Query::text("secret").filter(field("a").eq("secret"));
    let shown = format!("{record:?} {update:?} {query:?} {:?}", FilterValue::from("secret"));
    assert!(!shown.contains("secret"), "{shown}");
}
