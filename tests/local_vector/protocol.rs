use crate::Host;
use axum_upstash::local::LocalVector;
use http::Method;
use serde_json::{Value, json};

const RECORD: &str = r#"{"id": 1, "vector": [0.1, 0.2], "metadata": {"z": 1.0, "a": [1e2]}, "data": "text"}"#;

#[tokio::test]
async fn every_method_and_spelling_of_a_path_is_the_same() {
    let host = Host::start().await;
    for (at, method) in [Method::GET, Method::POST, Method::PUT, Method::DELETE].into_iter().enumerate() {
        for path in ["/dense-2/upsert", "//dense-2//upsert/", "/dense-2/upsert/ns"] {
            let (status, answer) = host.send(method.clone(), path, RECORD.replace('1', &at.to_string())).await;
            assert_eq!((status.as_u16(), &answer), (200, &json!({"result": "Success"})), "{method} {path}");
        }
    }
    let (status, answer) = host.send(Method::PATCH, "/dense-2/info", "").await;
    assert_eq!((status.as_u16(), answer["status"].as_u64()), (405, Some(405)));
    assert_eq!(host.send(Method::HEAD, "/dense-2/info", "").await.0, 200);
    // These take no body, and ignore one.
    for body in ["", "null", "[]", "{}", "nonsense"] {
        assert_eq!(host.result("/dense-2/list-namespaces", body).await, json!(["", "ns"]));
        assert_eq!(host.result("/dense-2/info", body).await["vectorCount"], 8);
    }
}

#[tokio::test]
async fn numbers_are_written_as_the_service_writes_them() {
    let host = Host::start().await;
    host.result("/dense-2/upsert", RECORD).await;
    let body = r#"{"ids": ["1"], "includeVectors": true, "includeMetadata": "true", "includeData": true}"#;
    let answer = host.http.post(format!("{}/dense-2/fetch", host.local.url())).bearer_auth(host.local.token());
    let text = answer.body(body).send().await.unwrap().text().await.unwrap();
    // The metadata as it was written, and the vector with the fewest digits.
    assert_eq!(text, r#"{"result":[{"id":"1","vector":[0.1,0.2],"metadata":{"z": 1.0, "a": [1e2]},"data":"text"}]}"#);
    let answer = host.result("/dense-2/query", r#"{"vector": [0.1, 0.2]}"#).await;
    assert_eq!(answer, json!([{"id": "1", "score": 1.0}]));
}

#[tokio::test]
async fn a_record_to_delete_is_named_in_many_ways() {
    let host = Host::start().await;
    let upsert = async || {
        let records = r#"[{"id": "a b", "vector": [1, 0]}, {"id": 7, "vector": [1, 0]}, {"id": "", "vector": [1, 0]}]"#;
        host.result("/dense-2/upsert", records).await;
    };
    for (body, deleted) in [
        ("a b", 1),
        ("\"a b\"", 1),
        ("7", 1),
        (r#"["7", "a b", "x", 7]"#, 2),
        (r#"{"ids": "7"}"#, 1),
        (r#"{"ids": ["", 7]}"#, 2),
        (r#"{"prefix": "a"}"#, 1),
        (r#"{"filter": "HAS NOT FIELD x"}"#, 3),
        (r#"{"ids": null, "prefix": "7", "filter": null}"#, 1),
        ("no such id", 0),
    ] {
        upsert().await;
        assert_eq!(host.result("/dense-2/delete", body).await, json!({"deleted": deleted}), "{body}");
    }
    for body in [r#"{"ids": ["7"]"#, "[7", "", r#"{"ids": ["7"], "prefix": "7"}"#, "{}", r#"{"filter": ""}"#] {
        let (status, _) = host.refusal("/dense-2/delete", body).await;
        assert!(matches!(status, 400 | 422), "{body}: {status}");
    }
}

#[tokio::test]
async fn what_is_missing_is_empty_and_not_an_error() {
    let host = Host::start().await;
    for (path, body, expected) in [
        ("/dense-2/query/none", r#"{"vector": [1, 0]}"#, json!([])),
        ("/dense-2/query/none", r#"[{"vector": [1, 0]}]"#, json!([])),
        ("/dense-2/query/none", r#"[{"vector": [1, 0]}, {"vector": [1, 0]}]"#, json!([[], []])),
        ("/dense-2/fetch/none", r#"{"ids": ["a", "b"]}"#, json!([null, null])),
        ("/dense-2/fetch/none", r#"{"prefix": "a"}"#, json!([])),
        ("/dense-2/range/none", "{}", json!({"nextCursor": "", "vectors": []})),
        ("/dense-2/random/none", "", Value::Null),
        ("/dense-2/reset/none", "", json!("Success")),
        ("/dense-2/delete/none", "a", json!({"deleted": 0})),
        ("/dense-2/update/none", r#"{"id": "a", "data": "b"}"#, json!({"updated": 0})),
        ("/dense-2/resumable-query/none", r#"{"vector": [1, 0]}"#, json!({"uuid": "", "scores": []})),
    ] {
        assert_eq!(host.result(path, body).await, expected, "{path}");
    }
    // None of this makes a namespace.
    assert_eq!(host.result("/dense-2/list-namespaces", "").await, json!([""]));
    let (status, text) = host.refusal("/dense-2/delete-namespace/none", "").await;
    assert_eq!((status, text.as_str()), (404, "Namespace none for the index dense-2 does not exist"));
}

#[tokio::test]
async fn what_an_index_says_of_itself() {
    let host = Host::of(LocalVector::builder().dimension(384).start().await.unwrap());
    let info = host.result("/info", "").await;
    assert_eq!(info["denseIndex"]["embeddingModel"], "BGE_SMALL_EN_V1_5");
    assert_eq!(info["namespaces"], json!({"": {"vectorCount": 0, "pendingVectorCount": 0}}));
    let info = host.result("/sparse/info", "").await;
    assert_eq!(
        (&info["indexType"], &info["dimension"], &info["similarityFunction"]),
        (&json!("SPARSE"), &json!(0), &json!(""))
    );
    assert_eq!((info.get("denseIndex"), &info["sparseIndex"]), (None, &json!({"embeddingModel": ""})));
    let info = host.result("/hybrid-embed/info", "").await;
    assert_eq!((&info["indexType"], &info["sparseIndex"]["embeddingModel"]), (&json!("HYBRID"), &json!("BM25")));
}

/// A query that goes on while its namespace changes.
#[tokio::test]
async fn a_record_comes_once_whatever_happens_to_it() {
    let host = Host::start().await;
    let upsert = async |ids: std::ops::Range<u32>| {
        let records: Vec<Value> = ids.map(|id| json!({"id": id, "vector": [1, id]})).collect();
        host.result("/dense-2/upsert", json!(records).to_string()).await;
    };
    upsert(0..6).await;
    let begun = host.result("/dense-2/resumable-query", r#"{"vector": [1, 0], "topK": 2}"#).await;
    let uuid = begun["uuid"].as_str().unwrap().to_owned();
    let next = || json!({"uuid": uuid, "additionalK": 2}).to_string();
    let ids = |scores: &Value| -> Vec<String> {
        scores.as_array().unwrap().iter().map(|score| score["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&begun["scores"]), ["0", "1"]);
    host.result("/dense-2/delete", "0").await;
    upsert(0..1).await;
    assert_eq!(ids(&host.result("/dense-2/resumable-query-next", next()).await), ["2", "3"]);
    host.result("/dense-2/reset", "").await;
    assert_eq!(ids(&host.result("/dense-2/resumable-query-next", next()).await), [] as [&str; 0]);
    upsert(0..6).await;
    assert_eq!(ids(&host.result("/dense-2/resumable-query-next", next()).await), ["4", "5"]);
    host.result("/dense-2/resumable-query-end", json!({"uuid": uuid}).to_string()).await;
    for path in ["/dense-2/resumable-query-next", "/dense-2/resumable-query-end"] {
        let body = if path.ends_with("next") { next() } else { json!({"uuid": uuid}).to_string() };
        assert_eq!(host.refusal(path, body).await.0, 404);
    }
}
