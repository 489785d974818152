//! Bodies over real connections: the length that a response tells must be the length that it has.

use super::*;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Copy)]
enum End {
    Complete,
    Error,
    Trailers,
}

/// `hello`, and then its end. The layers under test are around the handler.
async fn serve(content_length: Option<&'static str>, end: End, layers: impl Fn(Router) -> Router) -> SocketAddr {
    let handler = get(move || async move {
        let last: Vec<Chunk> = match end {
            End::Complete => vec![],
            End::Error => vec![Err("broken")],
            End::Trailers => vec![Ok(Frame::trailers(HeaderMap::from_iter([(
                HeaderName::from_static("x-trailer"),
                "t".parse().unwrap(),
            )])))],
        };
        let body = StreamBody::new(stream::iter([data("hello")].into_iter().chain(last)));
        let mut response = Response::new(Body::new(body));
        response.headers_mut().insert("cache-control", "max-age=60".parse().unwrap());
        if let Some(length) = content_length {
            response.headers_mut().insert("content-length", length.parse().unwrap());
        }
        if matches!(end, End::Trailers) {
            response.headers_mut().insert("trailer", "x-trailer".parse().unwrap());
        }
        response
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = layers(Router::new().route("/", handler));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

fn cached(router: Router) -> Router {
    router.layer(layer().0)
}

/// All that comes on a connection that asks twice before it reads.
async fn pipelined(address: SocketAddr) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n".repeat(2).as_slice()).await.unwrap();
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    // A server that keeps the connection open after a body that is cut short says nothing more.
    while let Ok(Ok(read)) = tokio::time::timeout(Duration::from_secs(2), connection.read(&mut buffer)).await {
        if read == 0 {
            return String::from_utf8(all).unwrap();
        }
        all.extend_from_slice(&buffer[..read]);
        if String::from_utf8_lossy(&all).matches("HTTP/1.1 200").count() == 2
            && String::from_utf8_lossy(&all).trim_end().ends_with(['0', 'o', 't'])
        {
            break;
        }
    }
    String::from_utf8(all).unwrap() + "(open)"
}

#[tokio::test]
async fn what_breaks_or_lies_is_not_complete_over_http_1() {
    for (length, end) in [(None, End::Error), (Some("10"), End::Error), (Some("10"), End::Complete)] {
        let text = pipelined(serve(length, end, cached).await).await;
        assert!(!text.ends_with("(open)"), "the connection stays open: {text}");
        assert!(text.matches("HTTP/1.1 200").count() <= 1, "another response is read as the rest: {text}");
        assert!(!text.contains("content-length: 5") && !text.contains("\r\n0\r\n"), "it looks whole: {text}");
    }
}

#[tokio::test]
async fn what_is_whole_is_complete_over_http_1() {
    for (length, end) in [(None, End::Complete), (Some("5"), End::Complete), (None, End::Trailers)] {
        let text = pipelined(serve(length, end, cached).await).await;
        assert_eq!(text.matches("hello").count(), 2, "{text}");
        assert!(matches!(end, End::Complete) || text.matches("x-trailer: t").count() == 2, "{text}");
    }
}

#[tokio::test]
async fn http_2_tells_the_same() {
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    for (length, end, is_whole) in [
        (None, End::Complete, true),
        (Some("5"), End::Complete, true),
        (None, End::Trailers, true),
        (None, End::Error, false),
        (Some("10"), End::Error, false),
        (Some("10"), End::Complete, false),
    ] {
        let address = serve(length, end, cached).await;
        for _ in 0..2 {
            let get = async { client.get(format!("http://{address}/")).send().await?.text().await };
            let text = tokio::time::timeout(Duration::from_secs(5), get).await.expect("it ends");
            assert_eq!(text.is_ok(), is_whole, "{length:?}: {text:?}");
        }
    }
}
