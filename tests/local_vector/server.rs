use crate::Host;
use axum_upstash::local::{LocalVector, LocalVectorLimits};
use serde_json::json;
use std::{process::Stdio, time::Duration};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test]
async fn requests_of_web_pages_and_bodies_without_end_are_refused() {
    let limits = LocalVectorLimits { request_bytes: 1_000, ..LocalVectorLimits::default() };
    let host = Host::of(LocalVector::builder().limits(limits).start().await.unwrap());
    let url = format!("{}/info", host.local.url());
    for (name, value) in
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("host", "evil.example")]
    {
        let request = host.http.post(&url).bearer_auth(host.local.token()).header(name, value);
        assert_eq!(request.send().await.unwrap().status(), 403, "{name}");
    }
    let (status, text) = host.refusal("/upsert", "x".repeat(1_001)).await;
    assert_eq!((status, text.as_str()), (413, "Exceeded max request size: 1000 bytes"));
    // Without a token nothing is read.
    let request = host.http.post(format!("{}/v2/vector/index", host.local.url())).body("x".repeat(10_000_000));
    assert_eq!(request.send().await.unwrap().status(), 401);
}

/// A long search leaves the server awake, and the connection of a client that has gone costs no more work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_search_holds_up_no_other_request() {
    let host = Host::start().await;
    let records = |from: u32| (from..from + 1_000).map(|id| json!({"id": id, "vector": [1, id]})).collect::<Vec<_>>();
    for from in 0..20 {
        host.result("/dense-2/upsert", json!(records(from * 1_000)).to_string()).await;
    }
    let queries = json!(vec![json!({"vector": [1, 0], "topK": 1}); 1_000]).to_string();
    let long = (0..4).map(|_| {
        let request = host.http.post(format!("{}/dense-2/query", host.local.url())).bearer_auth(host.local.token());
        let request = request.body(queries.clone());
        tokio::spawn(async move { request.send().await })
    });
    let long: Vec<_> = long.collect();
    for _ in 0..20 {
        let info = tokio::time::timeout(Duration::from_secs(10), host.result("/sparse/info", "")).await;
        assert_eq!(info.expect("the server is held up")["vectorCount"], 0);
    }
    for search in long {
        search.abort();
    }
    // The searches were given up, or are done: another one comes to its turn.
    let query = host.result("/dense-2/query", r#"{"vector": [1, 0], "topK": 1}"#);
    let found = tokio::time::timeout(Duration::from_secs(60), query).await.expect("its turn does not come");
    assert_eq!(found[0]["id"], "0");
    let ended = tokio::time::timeout(Duration::from_secs(60), host.local.shutdown()).await;
    assert!(ended.is_ok(), "the server does not end");
}

#[cfg(feature = "cli")]
#[tokio::test]
async fn the_program_prints_what_clients_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("indexes.json");
    std::fs::write(&file, r#"[{"name": "articles", "dimension_count": 3}]"#).unwrap();
    let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_upstash-local"))
        .args([
            "--only",
            "vector",
            "--vector-port",
            "0",
            "--vector-dimension",
            "5",
            "--token",
            "secret token's".replace([' ', '\''], "").as_str(),
        ])
        .args(["--read-only-token", "reader", "--vector-indexes"])
        .arg(&file)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut next = async || {
        tokio::time::timeout(Duration::from_secs(30), lines.next_line())
            .await
            .expect("nothing is printed")
            .unwrap()
            .unwrap()
    };
    assert!(next().await.starts_with("# Vector is running at http://127.0.0.1:"));
    let url = next().await.strip_prefix("export UPSTASH_VECTOR_REST_URL=").unwrap().to_owned();
    assert_eq!(next().await, "export UPSTASH_VECTOR_REST_TOKEN=secrettokens");
    let http = reqwest::Client::new();
    for (path, token, status) in
        [("/info", "secrettokens", 200), ("/articles/info", "reader", 200), ("/articles/reset", "reader", 403)]
    {
        let answer = http.post(format!("{url}{path}")).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    let info = http.post(format!("{url}/info")).bearer_auth("secrettokens").send().await.unwrap();
    assert!(info.text().await.unwrap().contains(r#""dimension":5"#));
}
