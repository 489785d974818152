//! `@upstash/vector` and our client on the same indexes of a local Vector.

use crate::node;
use axum_upstash::{
    local::LocalVector,
    vector::{Fusion, Include, Index, Match, Query, QueryMode, Record, SparseVector, field},
};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

/// What both clients get, by id and score.
fn scores(found: &[Match]) -> Value {
    found.iter().map(|found| json!([found.id, found.score.to_string()])).collect()
}

fn of_sdk(found: &Value) -> Value {
    let score = |score: &Value| score.as_f64().map(|score| (score as f32).to_string());
    found.as_array().unwrap().iter().map(|found| json!([found["id"], score(&found["score"])])).collect()
}

#[tokio::test]
async fn the_sdk_and_our_client_read_what_the_other_one_has_written() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = Index::new(local.url(), local.token()).unwrap();
    let hybrid: Index = Index::new(local.index_url("hybrid-2").unwrap(), local.token()).unwrap().namespace("ns");
    let metadata = json!({"year": 2024, "it": "it's \"Tokyo\"", "list": [1, 2.5, null]});
    let text = "Tokyo is the capital of Japan";
    index.upsert(Record::text("a/b=", text).metadata(metadata.clone())).await.unwrap();
    let sparse = |entries: &[(u32, f32)]| SparseVector::try_new(entries.iter().copied()).unwrap();
    hybrid.upsert(Record::hybrid("h", [0.5, 0.25], sparse(&[(7, 0.2), (1, 0.1)]))).await.unwrap();
    let stored = index.fetch(["a/b="], Include::VECTORS).await.unwrap().remove(0).unwrap();
    let vector = stored.vector.unwrap();
    // As the shortest numbers, which the SDK reads as numbers of 64 bits.
    let shortest: Vec<f64> = vector.iter().map(|number| number.to_string().parse().unwrap()).collect();
    let written = json!({"id": "a/b=", "vector": shortest, "metadata": metadata, "data": text});
    let sdk = node::run_with("vector", local.environment(), &json!({"written": written})).await;

    let found = index.fetch(["sdk-1", "sdk-2", "sdk-3"], Include::ALL).await.unwrap();
    let first = found[0].as_ref().unwrap();
    assert_eq!(first.data.as_deref(), Some("Paris is the capital of France"));
    assert_eq!(first.metadata, Some(json!({"year": 1999, "tags": ["a", "it's"]})));
    let second = found[1].as_ref().unwrap();
    assert_eq!(second.metadata, Some(json!({"nested": {"deep": null}, "added": 0.1})));
    assert_eq!(second.vector, Some(vector.iter().map(|number| -number).collect()));
    assert_eq!(found[2], None);
    let third = hybrid.fetch(["sdk-3"], Include::VECTORS).await.unwrap().remove(0).unwrap();
    assert_eq!(third.sparse_vector, Some(sparse(&[(2, 0.3), (7, 0.4)])));
    let all: Vec<String> = index.range().prefix("sdk-").map_ok(|record| record.id).try_collect().await.unwrap();
    assert_eq!(all, ["sdk-1", "sdk-2"]);
    let page = index.range().prefix("sdk-").page_size(1).page().await.unwrap();
    assert_eq!(page.cursor.as_deref(), sdk["cursor"].as_str());

    let queries = || {
        let filter = field("year").ne(1999);
        [Query::text("the capital of France").top_k(3), Query::text("Japan").top_k(2).filter(filter)]
    };
    let found = index.query_many(queries()).await.unwrap();
    assert_eq!(scores(&found[0]), of_sdk(&sdk["results"][0]));
    assert_eq!(scores(&found[1]), of_sdk(&sdk["results"][1]));
    let single = index.query_many(queries().into_iter().take(1)).await.unwrap();
    assert_eq!(scores(&single[0]), of_sdk(&sdk["single"][0]));
    let resumable = index.resumable(Query::dense(vector).top_k(1)).await.unwrap();
    let all: Vec<Match> = resumable.try_collect().await.unwrap();
    let pages = sdk["pages"].as_array().unwrap().iter().flat_map(|page| of_sdk(page).as_array().unwrap().clone());
    assert_eq!(scores(&all), pages.collect::<Value>());
    let query = Query::hybrid([0.3, 0.4], sparse(&[(7, 1.0)])).top_k(5);
    let fused = hybrid.query(query.fusion(Fusion::DistributionBased).weighted_by_idf()).await.unwrap();
    assert_eq!(scores(&fused), of_sdk(&sdk["fused"]));
    let words: Index = Index::new(local.index_url("hybrid-embed").unwrap(), local.token()).unwrap();
    let found = words.query(Query::text("a found word").top_k(1).mode(QueryMode::Sparse)).await.unwrap();
    assert_eq!(scores(&found), of_sdk(&sdk["byWords"]));
    assert_eq!(index.info().await.unwrap().vector_count, sdk["count"].as_u64().unwrap());
}
