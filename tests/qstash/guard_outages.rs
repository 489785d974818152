//! A Redis that does not answer, or answers with an error.

use crate::{
    delivery::{Handler, MINUTE, app, delivery, eventually, retry_after, send, text},
    guard_store::{Shared, guard},
};
use axum_upstash::{
    ErrorKind,
    qstash::{Begin, GuardFailure, QStashRefusal},
};
use tower::ServiceExt;

#[tokio::test]
async fn an_answer_of_redis_that_is_lost_runs_the_handler_once() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let app = app(guard(&shared).with_timeout(MINUTE), &handler);
    shared.wire.lose_next_answer();
    assert_eq!(text(send(&app, "msg_1").await).await, "x", "the lease that it finds is its own");
    assert_eq!(text(send(&app, "msg_1").await).await, "done already");
    assert_eq!(handler.runs(), 1);
}

#[tokio::test]
async fn an_outage_is_a_policy() {
    let shared = Shared::start().await;
    shared.wire.lose_requests(true);
    for (policy, runs) in [(GuardFailure::Retry, 0), (GuardFailure::Run, 1)] {
        let handler = Handler::default();
        let response = send(&app(guard(&shared).with_failure(policy), &handler), "msg_1").await;
        assert_eq!(handler.runs(), runs, "{policy:?}");
        if runs == 0 {
            assert_eq!(retry_after(&response), 10);
            let refusal = response.extensions().get();
            assert!(matches!(refusal, Some(QStashRefusal::Guard(error)) if error.is_outage()), "{refusal:?}");
        } else {
            assert_eq!(response.status(), 200);
        }
    }
}

#[tokio::test]
async fn an_outage_after_the_handler_changes_no_answer() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let app = app(guard(&shared).with_lease(MINUTE), &handler);
    let held = handler.hold();
    let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
    eventually(|| handler.runs() == 1).await;
    shared.wire.lose_requests(true);
    held.add_permits(1);
    assert_eq!(sent.await.unwrap().unwrap().status(), 200);
    shared.wire.lose_requests(false);
    assert!(retry_after(&send(&app, "msg_1").await) > 50, "in progress until the lease ends");
}

/// An error that is no outage: no policy lets it pass.
#[tokio::test]
async fn a_key_of_another_type_is_a_mistake() {
    let shared = Shared::start().await;
    shared.redis.hset("axum-upstash:qstash:message:msg_1", [("a", "b")]).await.unwrap();
    let handler = Handler::default();
    let app = app(guard(&shared).with_failure(GuardFailure::Run), &handler);
    let response = send(&app, "msg_1").await;
    assert_eq!(response.status(), 500);
    assert!(text(response).await.contains("\"guard\""));
    assert_eq!(handler.runs(), 0);
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_of_begin_and_done() {
    let shared = Shared::start().await;
    let guard = guard(&shared);
    let Begin::Started(lease) = guard.begin("msg_1").await.unwrap() else { panic!("it is new") };
    shared.wire.lose_requests(true);
    assert_eq!(guard.begin("msg_2").await.unwrap_err().kind(), ErrorKind::Connect);
    assert!(lease.done().await.unwrap_err().is_outage());
    let text = format!("{guard:?}");
    assert!(!text.contains(shared.local.token()), "{text}");
}
