//! Replies as RESP2.

use crate::support::{Server, read};
use reqwest::Method;

async fn resp2(server: &Server, target: &str, body: &'static str) -> (u16, Vec<u8>) {
    let request = server.request(Method::POST, target).header("Upstash-Response-Format", "resp2").body(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn replies_come_as_redis_writes_them() {
    let server = Server::start().await;
    assert_eq!(resp2(&server, "/", r#"["SET","k","v"]"#).await, (200, b"+OK\r\n".to_vec()));
    assert_eq!(resp2(&server, "/", r#"["GET","k"]"#).await, (200, b"$1\r\nv\r\n".to_vec()));
    let (status, body) = resp2(&server, "/", r#"["INCR","k"]"#).await;
    assert_eq!((status, &body[..]), (400, &b"-ERR value is not an integer or out of range\r\n"[..]));
    let script = r#"["EVAL","return {1, {err='ERR inside'}, 'x', false}",0]"#;
    assert_eq!(resp2(&server, "/", script).await.1, b"*4\r\n:1\r\n-ERR inside\r\n$1\r\nx\r\n$-1\r\n");
    let (status, body) = resp2(&server, "/pipeline", r#"[["PING"],["NONE"],["STRLEN","k"]]"#).await;
    assert_eq!(status, 200);
    let body = String::from_utf8(body).unwrap();
    assert!(body.starts_with("+PONG\r\n-ERR unknown command") && body.ends_with("\r\n:1\r\n"), "{body}");
}

#[tokio::test]
async fn it_goes_neither_with_base64_nor_with_transactions() {
    let server = Server::start().await;
    let request = || server.request(Method::POST, "/").body(r#"["PING"]"#);
    let both = request().header("Upstash-Response-Format", "resp2").header("Upstash-Encoding", "base64");
    assert_eq!(read(both).await.0, 400);
    assert_eq!(read(request().header("Upstash-Response-Format", "xml")).await.0, 400);
    assert_eq!(read(request().header("Upstash-Response-Format", "json")).await.0, 200);
    let multi = server.request(Method::POST, "/multi-exec").body(r#"[["SET","k","v"]]"#);
    assert_eq!(read(multi.header("Upstash-Response-Format", "resp2")).await.0, 400);
    assert_eq!(server.result(serde_json::json!(["EXISTS", "k"])).await, 0);
}
