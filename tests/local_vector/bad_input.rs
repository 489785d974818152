use crate::Host;
use axum_upstash::local::{LocalVector, LocalVectorLimits};
use serde_json::{Value, json};

const NO_TEXTS: &str =
    "Embedding data for this index is not allowed. The index must be created with an embedding model to use it.";

#[tokio::test]
async fn what_cannot_be_right_is_refused_and_changes_nothing() {
    let host = Host::start().await;
    let long_list = format!("a IN ({})", vec!["1"; 1_000].join(","));
    let deep = format!("{}a = 1{}", "(".repeat(100), ")".repeat(100));
    let filter = |filter: &str| json!({"vector": [1, 0], "filter": filter}).to_string();
    let record = |field: &str, value: Value| {
        let mut record = json!({"id": "a", "vector": [1, 0]});
        record[field] = value;
        record.to_string()
    };
    let deep_metadata =
        format!(r#"{{"id": "a", "vector": [1, 0], "metadata": {}1{}}}"#, "{\"a\":".repeat(200), "}".repeat(200));
    let many: Vec<Value> = (0..1_001).map(|id| json!({"id": id, "vector": [1, 0]})).collect();
    let last = json!([{"id": "a", "vector": [1, 0]}, {"id": "b", "vector": [1, 0, 1]}]);
    for (path, body, status, text) in [
        ("upsert", "nonsense".to_owned(), 400, "the body is no JSON: expected ident"),
        ("upsert", r#"{"id": "a", "vector": [NaN, 0]}"#.to_owned(), 400, "the body is no JSON"),
        ("upsert", "17".to_owned(), 400, "a JSON object is expected"),
        ("upsert", "[]".to_owned(), 422, "the list is empty"),
        ("upsert", json!({"vector": [1, 0]}).to_string(), 422, "id is missing"),
        ("upsert", record("id", json!([1])), 422, "id must be a text or a number"),
        ("upsert", record("id", json!("x".repeat(5_000))), 422, "Exceeded max id size: 5000 bytes"),
        ("upsert", record("vector", json!([1])), 422, "Invalid vector dimension: 1, expected: 2"),
        ("upsert", record("vector", json!([])), 422, "Invalid vector dimension: 0, expected: 2"),
        ("upsert", record("vector", json!("1,0")), 422, "vector must be a list of numbers"),
        ("upsert", record("vector", json!([1e39, 0])), 422, "vector must be a list of numbers that 32 bits can hold"),
        ("upsert", record("vector", json!([1e30, 0])), 422, "vector must have a length"),
        ("upsert", r#"{"id": "a", "vector": [1e999, 0]}"#.to_owned(), 422, "vector must be a list of numbers"),
        (
            "upsert",
            record("sparseVector", json!({"indices": [1], "values": [1]})),
            422,
            "This index requires dense vectors",
        ),
        ("upsert", json!({"id": "a", "data": "text"}).to_string(), 422, "This index requires dense vectors"),
        ("upsert", record("metadata", json!([1])), 422, "metadata must be a JSON object"),
        ("upsert", record("metadata", json!({"a": "x".repeat(49 * 1024)})), 422, "Exceeded max metadata size"),
        ("upsert", deep_metadata, 422, "metadata must be a JSON object"),
        ("upsert", record("data", json!("x".repeat(1024 * 1024 + 1))), 422, "Exceeded max data size"),
        ("upsert", record("data", json!(17)), 422, "data must be a text"),
        ("upsert", record("metdata", json!({})), 422, "Unknown field: metdata"),
        ("upsert", json!(many).to_string(), 422, "1001 items are too many"),
        ("upsert", last.to_string(), 422, "Invalid vector dimension: 3, expected: 2 (item 1)"),
        ("upsert-data", json!({"id": "a", "data": "text"}).to_string(), 422, NO_TEXTS),
        ("query-data", json!({"data": "text"}).to_string(), 422, NO_TEXTS),
        ("query", "{}".to_owned(), 422, "This index requires dense vectors"),
        ("query", record("vector", json!([1, 0, 0])), 422, "Invalid vector dimension: 3, expected: 2"),
        ("query", json!({"vector": [1, 0], "topK": 0}).to_string(), 422, "topK must be from 1 to 1000"),
        ("query", json!({"vector": [1, 0], "topK": 1_001}).to_string(), 422, "topK must be from 1 to 1000"),
        ("query", json!({"vector": [1, 0], "topK": -1}).to_string(), 422, "topK must be a whole number"),
        ("query", json!({"vector": [1, 0], "topK": 1.5}).to_string(), 422, "topK must be a whole number"),
        ("query", json!({"vector": [1, 0], "topk": 1}).to_string(), 422, "Unknown field: topk"),
        ("query", json!({"vector": [1, 0], "includeData": 1}).to_string(), 422, "includeData must be true or false"),
        (
            "query",
            json!({"vector": [1, 0], "fusionAlgorithm": "X"}).to_string(),
            422,
            "fusionAlgorithm must be one of RRF, DBSF",
        ),
        ("query", filter("a IN ['b']"), 422, "Invalid filter. At line 1:5 token recognition error at: '['"),
        ("query", filter(&long_list), 422, "Invalid filter. At line 1:"),
        ("query", filter(&deep), 422, "Invalid filter. At line 1:"),
        ("query", filter(&"a = 1 OR ".repeat(10_000)), 422, "Exceeded max filter size"),
        ("update", json!({"id": "a"}).to_string(), 422, "one of vector, sparseVector, data and metadata must be given"),
        (
            "update",
            json!({"id": "a", "data": "b", "metadataUpdateMode": "X"}).to_string(),
            422,
            "metadataUpdateMode must be one of",
        ),
        ("fetch", "{}".to_owned(), 422, "Only one of ids or prefix must be provided."),
        ("fetch", json!({"ids": [1], "prefix": "a"}).to_string(), 422, "Only one of ids or prefix must be provided."),
        ("fetch", json!({"ids": many}).to_string(), 422, "id must be a text or a number"),
        ("delete", "{}".to_owned(), 422, "Only and only one of the ids, prefix, or filter must be provided."),
        ("range", json!({"cursor": "x"}).to_string(), 422, "cursor must be one of an earlier answer"),
        ("range", json!({"limit": 0}).to_string(), 422, "limit must be from 1 to 1000"),
        (
            "resumable-query",
            json!({"vector": [1, 0], "maxIdle": 5_000_000_000_u64}).to_string(),
            422,
            "maxIdle must be at most",
        ),
        ("resumable-query", json!([{"vector": [1, 0]}]).to_string(), 400, "a JSON object is expected"),
        ("resumable-query-next", json!({"uuid": "x"}).to_string(), 422, "additionalK is missing"),
        (
            "resumable-query-next",
            json!({"uuid": "x", "additionalK": 1}).to_string(),
            404,
            "The resumable query does not exist",
        ),
        ("delete-namespace", String::new(), 422, "The default namespace cannot be deleted"),
        ("rename-namespace", json!({"namespace": "a"}).to_string(), 422, "newNamespace is missing"),
        ("nothing", String::new(), 404, "there is no such endpoint"),
    ] {
        let (found, refusal) = host.refusal(&format!("/dense-2/{path}"), body).await;
        assert!(found == status && refusal.starts_with(text), "{path}: {found} {refusal}");
    }
    let info = host.result("/dense-2/info", "").await;
    assert_eq!((&info["vectorCount"], &info["indexSize"]), (&json!(0), &json!(0)));
    assert_eq!(host.result("/dense-2/list-namespaces", "").await, json!([""]));
}

#[tokio::test]
async fn sparse_vectors_have_entries_that_can_be() {
    let host = Host::start().await;
    for (vector, text) in [
        (json!({"indices": [1, 2], "values": [1]}), "as many indices as values"),
        (json!({"indices": [], "values": []}), "1 to 1000 entries"),
        (json!({"indices": [-1], "values": [1]}), "indices from 0"),
        (json!({"indices": [2_147_483_648_u32], "values": [1]}), "two lists of numbers"),
        (json!({"indices": [1], "values": [1e39]}), "numbers that 32 bits can hold"),
        (json!({"indices": (0..1_001).collect::<Vec<_>>(), "values": vec![1; 1_001]}), "1 to 1000 entries"),
        (json!([1, 2]), "two lists of numbers"),
    ] {
        let (status, refusal) =
            host.refusal("/sparse/upsert", json!({"id": "a", "sparseVector": vector}).to_string()).await;
        assert!(status == 422 && refusal.contains(text), "{refusal}");
    }
    // The official SDK for Python sends such ones.
    let twice = json!({"id": "a", "sparseVector": {"indices": [7, 1, 7], "values": [1, 2, 3]}});
    host.result("/sparse/upsert", twice.to_string()).await;
    let query = r#"{"sparseVector": {"indices": [7], "values": [1]}, "includeVectors": true}"#;
    let found = host.result("/sparse/query", query).await;
    assert_eq!(found, json!([{"id": "a", "score": 4.0, "sparseVector": {"indices": [1, 7], "values": [2.0, 4.0]}}]));
}

#[tokio::test]
async fn vectors_of_zeros_and_of_the_largest_numbers_are_compared() {
    let host = Host::start().await;
    let records = r#"[{"id": "zero", "vector": [0, 0]}, {"id": "tiny", "vector": [1e-30, 0]}, {"id": "large", "vector": [1e19, 0]}]"#;
    host.result("/dense-2/upsert", records).await;
    for vector in ["[0, 0]", "[1e-30, 0]", "[1e19, 0]"] {
        let found = host.result("/dense-2/query", format!(r#"{{"vector": {vector}}}"#)).await;
        let scores: Vec<f64> = found.as_array().unwrap().iter().map(|found| found["score"].as_f64().unwrap()).collect();
        assert!(scores.len() == 3 && scores.iter().all(|score| (0.0..=1.0).contains(score)), "{found}");
    }
}

#[tokio::test]
async fn fields_of_other_calls_are_ignored_as_the_official_sdks_send_them() {
    let host = Host::start().await;
    let record =
        json!({"id": "a", "vector": [1, 0], "score": 0.5, "namespace": "x", "sparseVector": null, "data": null});
    host.result("/dense-2/upsert", record.to_string()).await;
    assert_eq!(host.result("/dense-2/fetch", r#"{"ids": ["a"], "namespace": "x"}"#).await, json!([{"id": "a"}]));
}

#[tokio::test]
async fn numbers_of_metadata_are_what_they_were_written_as() {
    let host = Host::start().await;
    let metadata = r#"{"x": 0.18219916586263518, "big": 123456789012345678901234567890, "y": 1}"#;
    host.result("/dense-2/upsert", format!(r#"{{"id": "a", "vector": [1, 0], "metadata": {metadata}}}"#)).await;
    let query = json!({"vector": [1, 0], "filter": "x = 0.18219916586263518"});
    assert_eq!(host.result("/dense-2/query", query.to_string()).await.as_array().unwrap().len(), 1);
    let patch = json!({"id": "a", "metadata": {"y": 2}, "metadataUpdateMode": "PATCH"});
    host.result("/dense-2/update", patch.to_string()).await;
    let answer = host.http.post(format!("{}/dense-2/fetch", host.local.url())).bearer_auth(host.local.token());
    let text = answer.body(r#"{"ids": ["a"], "includeMetadata": true}"#).send().await.unwrap().text().await.unwrap();
    assert!(text.contains(r#""x":0.18219916586263518,"big":123456789012345678901234567890,"y":2"#), "{text}");
}

#[tokio::test]
async fn a_full_index_refuses_new_records_alone() {
    let limits = LocalVectorLimits { total_dimensions: 4, total_bytes: 60, ..LocalVectorLimits::default() };
    let host = Host::of(LocalVector::builder().limits(limits).start().await.unwrap());
    let records = json!([{"id": "a", "vector": [1, 0], "data": "0123456789"}, {"id": "b", "vector": [1, 0]}]);
    host.result("/dense-2/upsert", records.to_string()).await;
    let (status, text) = host.refusal("/dense-2/upsert", r#"{"id": "c", "vector": [1, 0]}"#).await;
    assert_eq!((status, text.as_str()), (403, "Exceeded max vector count times dimension: 4"));
    // Those that are there may be replaced and changed.
    host.result("/dense-2/upsert", records.to_string()).await;
    assert_eq!(host.result("/dense-2/update", r#"{"id": "a", "vector": [0, 1]}"#).await, json!({"updated": 1}));
    let large = json!({"id": "a", "data": "x".repeat(60)});
    assert_eq!(host.refusal("/dense-2/update", large.to_string()).await.0, 403);
    let namespaces = LocalVectorLimits { namespaces: 2, ..LocalVectorLimits::default() };
    let host = Host::of(LocalVector::builder().limits(namespaces).start().await.unwrap());
    host.result("/dense-2/upsert/a", r#"{"id": "c", "vector": [1, 0]}"#).await;
    assert_eq!(host.refusal("/dense-2/upsert/b", r#"{"id": "c", "vector": [1, 0]}"#).await.0, 403);
}

#[tokio::test]
async fn an_answer_that_would_be_too_large_is_refused() {
    let host = Host::start().await;
    let record = json!({"id": "a", "vector": [1, 0], "data": "x".repeat(1_000_000)});
    host.result("/dense-2/upsert", record.to_string()).await;
    let queries = vec![json!({"vector": [1, 0], "includeData": true}); 200];
    let (status, text) = host.refusal("/dense-2/query", json!(queries).to_string()).await;
    assert!(status == 422 && text.starts_with("Exceeded max response size"), "{text}");
}
