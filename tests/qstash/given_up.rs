//! Clients that leave at each step that a delivery waits for.

use crate::{
    delivery::{Handler, URL, app, delivery, eventually, send, signer, text},
    guard_store::{Shared, guard, guards},
};
use axum_upstash::background::Background;
use std::{future::IntoFuture, time::Duration};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

#[tokio::test]
async fn a_client_that_leaves_while_the_handler_runs_releases_the_message() {
    for (guard, shared) in guards().await {
        let background = Background::new();
        let handler = Handler::default();
        let app = app(guard.with_background(background.clone()), &handler);
        let held = handler.hold();
        let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
        eventually(|| handler.runs() == 1).await;
        sent.abort();
        assert!(sent.await.unwrap_err().is_cancelled());
        background.finished().await;
        held.add_permits(1);
        assert_eq!(text(send(&app, "msg_1").await).await, "x");
        drop(shared);
    }
}

#[tokio::test]
async fn a_client_that_leaves_while_redis_is_asked_releases_the_message() {
    for is_before in [true, false] {
        let shared = Shared::start().await;
        let handler = Handler::default();
        let app = app(guard(&shared), &handler);
        let held = shared.wire.hold(is_before);
        let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
        eventually(|| if is_before { shared.wire.requests() == 1 } else { shared.wire.answered() == 1 }).await;
        sent.abort();
        assert!(sent.await.unwrap_err().is_cancelled());
        // The command goes on, and only then the message is released.
        held.add_permits(100);
        shared.background.finished().await;
        assert_eq!(shared.direct().exists("axum-upstash:qstash:message:msg_1").await.unwrap(), 0, "{is_before}");
        assert_eq!(handler.runs(), 0);
        assert_eq!(text(send(&app, "msg_1").await).await, "x");
    }
}

#[tokio::test]
async fn a_client_that_leaves_after_the_handler_leaves_the_message_done_or_released() {
    for (status, answer) in [(200, "done already"), (500, "x")] {
        for is_before in [true, false] {
            let shared = Shared::start().await;
            let handler = Handler::default();
            handler.answers([status]);
            let app = app(guard(&shared), &handler);
            // The first request goes through.
            let held = shared.wire.hold(is_before);
            held.add_permits(1);
            let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
            eventually(|| if is_before { shared.wire.requests() == 2 } else { shared.wire.answered() == 2 }).await;
            assert_eq!(handler.ended(), 1);
            sent.abort();
            assert!(sent.await.unwrap_err().is_cancelled());
            held.add_permits(100);
            shared.background.finished().await;
            assert_eq!(text(send(&app, "msg_1").await).await, answer, "{status} {is_before}");
        }
    }
}

#[tokio::test]
async fn a_request_that_is_never_polled_asks_nothing() {
    let shared = Shared::start().await;
    let app = app(guard(&shared), &Handler::default());
    drop(app.oneshot(delivery("msg_1")));
    drop(guard(&shared).begin("msg_1"));
    shared.background.finished().await;
    assert_eq!(shared.wire.take(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_releases_the_message() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let app = app(guard(&shared), &handler);
    let held = handler.hold();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app.clone()).into_future());
    let signature = signer().sign(URL, "x");
    let request = format!(
        "POST /hook HTTP/1.1\r\nhost: app\r\ncontent-length: 1\r\nupstash-message-id: msg_1\r\n\
         upstash-signature: {signature}\r\n\r\nx"
    );
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    eventually(|| handler.runs() == 1).await;
    assert_eq!(send(&app, "msg_1").await.status(), 503);
    drop(connection);
    let again = tokio::spawn(async move {
        loop {
            let response = send(&app, "msg_1").await;
            if response.status() != 503 {
                return response.status();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    eventually(|| handler.runs() == 2).await;
    assert_eq!(handler.ended(), 0);
    held.add_permits(1);
    assert_eq!(again.await.unwrap(), 200);
}
