use crate::Host;
use axum_upstash::local::{LocalError, LocalVector, LocalVectorIndex, LocalVectorLimits, LocalVectorSimilarity};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn indexes_come_and_go_while_the_server_runs() {
    let host = Host::start().await;
    let send = async |method: Method, path: &str, user: &str, key: &str, body: Value| {
        let request = host.http.request(method, format!("{}/v2/vector/index{path}", host.local.url()));
        let answer = request.basic_auth(user, Some(key)).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let key = host.local.token().to_owned();
    let create = json!({
        "name": "articles", "region": "eu-west-1", "similarity_function": "DOT_PRODUCT", "dimension_count": 3,
        "type": "payg", "embedding_model": "CUSTOM",
    });
    let (status, _) = send(Method::POST, "", "me@example.com", "wrong", create.clone()).await;
    assert_eq!(status, 401);
    let (status, index) = send(Method::POST, "", "me@example.com", &key, create.clone()).await;
    assert_eq!((status, index["endpoint"].as_str()), (200, host.local.index_url("articles").as_deref()));
    host.result("/articles/upsert", r#"{"id": "a", "vector": [3, 4, 0]}"#).await;
    let found = host.result("/articles/query", r#"{"vector": [1, 0, 0]}"#).await;
    assert_eq!(found, json!([{"id": "a", "score": 2.0}]));

    let (status, error) = send(Method::POST, "", "", &key, create).await;
    assert_eq!((status, error["error"].as_str()), (400, Some("there are two vector indexes of one name")));
    for (body, text) in [
        (json!({"name": "query", "dimension_count": 3}), "the name of a vector index must be"),
        (json!({"name": "a/b", "dimension_count": 3}), "the name of a vector index must be"),
        (json!({"name": "x", "dimension_count": 9_999}), "the dimension of a vector index must be"),
        (json!({"name": "x", "dimension_count": "many"}), "the body is not an index: a value of another type"),
        (json!({"name": "x", "similarity": "COSINE"}), "the body is not an index: unknown field `similarity`"),
    ] {
        let (status, error) = send(Method::POST, "", "", &key, body).await;
        assert!(status == 400 && error["error"].as_str().unwrap().starts_with(text), "{error}");
    }
    assert_eq!(send(Method::GET, "/articles", "", &key, Value::Null).await.1["dimension_count"], 3);
    assert_eq!(send(Method::GET, "", "", &key, Value::Null).await.1.as_array().unwrap().len(), 7);
    assert_eq!(send(Method::DELETE, "/articles", "", &key, Value::Null).await.0, 200);
    assert_eq!(send(Method::DELETE, "/articles", "", &key, Value::Null).await.0, 404);
    assert_eq!(host.refusal("/articles/info", "").await.0, 404);
}

/// Of many that make an index of one name at the same time, one does.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_made_once() {
    let host = Host::start().await;
    for round in 0..20 {
        let body = json!({"name": format!("index-{round}"), "dimension_count": 3}).to_string();
        let attempts = (0..6).map(|_| {
            let request = host.http.post(format!("{}/v2/vector/index", host.local.url()));
            let request = request.basic_auth("", Some(host.local.token())).body(body.clone());
            tokio::spawn(async move { request.send().await.unwrap().status() })
        });
        let attempts: Vec<_> = attempts.collect();
        let mut made = 0;
        for attempt in attempts {
            made += u32::from(attempt.await.unwrap().is_success());
        }
        assert_eq!(made, 1);
    }
}

#[tokio::test]
async fn each_index_has_its_tokens() {
    let own = LocalVectorIndex::dense("own", 2).token("own").read_only_token("reader");
    let builder = LocalVector::builder().token("server").read_only_token("all-readers").index(own);
    let local = builder.root(LocalVectorIndex::dense("", 2).token("root")).start().await.unwrap();
    assert_eq!(local.token(), "root");
    let host = Host::of(local);
    for (path, token, write, read) in [
        ("/upsert", "root", 200, 200),
        ("/upsert", "server", 401, 401),
        ("/upsert", "all-readers", 403, 200),
        ("/own/upsert", "own", 200, 200),
        ("/own/upsert", "reader", 403, 200),
        ("/own/upsert", "all-readers", 401, 401),
        ("/own/upsert", "server", 401, 401),
        ("/dense-2/upsert", "server", 200, 200),
        ("/dense-2/upsert", "all-readers", 403, 200),
        ("/dense-2/upsert", "", 401, 401),
        // Only the token of the server shows that there is no such index.
        ("/none/upsert", "server", 404, 404),
        ("/none/upsert", "own", 401, 401),
    ] {
        for (path, status) in [(path.to_owned(), write), (path.replace("upsert", "info"), read)] {
            let request = host.http.post(format!("{}{path}", host.local.url())).bearer_auth(token);
            let answer = request.body(r#"{"id": "a", "vector": [1, 0]}"#).send().await.unwrap();
            assert_eq!(answer.status(), status, "{path} {token}");
        }
    }
    let answer = host.http.post(format!("{}/info", host.local.url())).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json::<Value>().await.unwrap()["error"], "Unauthorized: Invalid auth token");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_told_without_secrets() {
    let start = async |builder: axum_upstash::local::LocalVectorBuilder| {
        let shown = format!("{builder:?}");
        assert!(!shown.contains("secret"), "{shown}");
        let error = builder.start().await.unwrap_err();
        assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
        error
    };
    let builder = LocalVector::builder;
    for builder in [
        builder().token("secret token"),
        builder().read_only_token("secret token"),
        builder().index(LocalVectorIndex::dense("a", 3).token("secret token")),
        builder().embeddings("http://127.0.0.1:1?key=secret", "model", Some("secret token".to_owned())),
    ] {
        assert!(matches!(start(builder).await, LocalError::InvalidToken));
    }
    for builder in [
        builder().dimension(0),
        builder().dimension(3_073),
        builder().index(LocalVectorIndex::dense("", 3)),
        builder().index(LocalVectorIndex::sparse("a")).index(LocalVectorIndex::sparse("a")),
        builder().embeddings("secret", "model", None),
        builder().faults(axum_upstash::local::LocalVectorFaults::seeded(1).refused_calls(2.0)),
    ] {
        assert!(matches!(start(builder).await, LocalError::InvalidSetting { .. }));
    }
    let error = start(builder().indexes_from_json(r#"[{"name": "a", "token": ["secret"]}]"#)).await;
    assert!(matches!(error, LocalError::InvalidFile { .. }));

    // The indexes that there always are do not depend on the limits, and may be replaced.
    let limits = LocalVectorLimits { dimensions: 8, ..LocalVectorLimits::default() };
    let sparse = LocalVectorIndex::dense("sparse", 3).similarity(LocalVectorSimilarity::Euclidean);
    let host = Host::of(builder().limits(limits).dimension(8).index(sparse).start().await.unwrap());
    assert_eq!(host.result("/sparse/info", "").await["similarityFunction"], "EUCLIDEAN");
    assert_eq!(host.result("/dense-embed/info", "").await["dimension"], 384);
}
