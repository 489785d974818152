use crate::{
    delivery::{Handler, MINUTE, app, delivery, eventually, receiver, retry_after, send, signed, text},
    guard_store::{Shared, guard, guards},
    times::ms,
};
use axum::{body::Body, extract::Request, response::Response};
use axum_upstash::{
    Clock,
    background::Background,
    qstash::{Begin, IdempotencyGuard, QStashLayer, QStashRefusal},
    redis::Ttl,
};
use futures_util::{FutureExt, future::join_all};
use std::{panic::AssertUnwindSafe, time::Duration};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::test]
async fn a_message_that_is_done_is_answered_without_the_handler() {
    for (guard, shared) in guards().await {
        let handler = Handler::default();
        let app = app(guard, &handler);
        let requests = || shared.as_ref().map_or(0, |shared| shared.wire.take());
        assert_eq!(text(send(&app, "msg_1").await).await, "x");
        let first = requests();
        for _ in 0..3 {
            let response = send(&app, "msg_1").await;
            assert_eq!(response.status(), 200);
            assert!(matches!(response.extensions().get(), Some(QStashRefusal::AlreadyDone)));
            assert_eq!(text(response).await, "done already");
        }
        assert_eq!((first, requests()), if shared.is_some() { (2, 3) } else { (0, 0) }, "round trips");
        assert_eq!(send(&app, "msg_2").await.status(), 200);
        assert_eq!(handler.runs(), 2);
    }
}

#[tokio::test]
async fn a_retry_after_a_failure_runs_at_once() {
    for (guard, shared) in guards().await {
        let handler = Handler::default();
        let app = app(guard, &handler);
        handler.answers([500, 404, 302, 489, 503]);
        for status in [500, 404, 302, 489, 503, 200] {
            assert_eq!(send(&app, "msg_1").await.status(), status);
        }
        assert_eq!(text(send(&app, "msg_1").await).await, "done already");
        assert_eq!(handler.runs(), 6);
        if let Some(shared) = shared {
            shared.wire.take();
            handler.answers([500]);
            send(&app, "msg_2").await;
            assert_eq!(shared.wire.take(), 2, "one round trip before the handler, and one after it");
        }
    }
}

#[tokio::test]
async fn an_error_of_the_service_and_a_panic_release_the_message() {
    for (guard, shared) in guards().await {
        let background = Background::new();
        let layer = QStashLayer::new(receiver()).with_idempotency_guard(guard.with_background(background.clone()));
        let service = layer.layer(service_fn(async |request: Request| {
            match request.headers().get("x-does").map(|value| value.as_bytes()) {
                Some(b"fail") => Err("it failed"),
                Some(_) => panic!("of the handler"),
                None => Ok(http::Response::new(Body::empty())),
            }
        }));
        let send = |does: Option<&'static str>| {
            let mut request = delivery("msg_1");
            if let Some(does) = does {
                request.headers_mut().insert("x-does", does.parse().unwrap());
            }
            service.clone().oneshot(request)
        };
        assert_eq!(send(Some("fail")).await.err(), Some("it failed"));
        assert!(AssertUnwindSafe(send(Some("panic"))).catch_unwind().await.is_err());
        background.finished().await;
        let response = send(None).await.unwrap();
        assert!(response.extensions().get::<QStashRefusal>().is_none(), "the handler ran");
        drop(shared);
    }
}

#[tokio::test]
async fn of_many_deliveries_at_once_one_runs() {
    for (guard, shared) in guards().await {
        let handler = Handler::default();
        let app = app(guard.with_lease(MINUTE), &handler);
        let held = handler.hold();
        let sent: Vec<_> = (0..20).map(|_| tokio::spawn(app.clone().oneshot(delivery("msg_1")))).collect();
        eventually(|| sent.iter().filter(|sent| sent.is_finished()).count() == 19).await;
        held.add_permits(1);
        let answers: Vec<Response> = join_all(sent).await.into_iter().map(|sent| sent.unwrap().unwrap()).collect();
        assert_eq!(answers.iter().filter(|answer| answer.status() == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status() != 200) {
            assert!((50..=60).contains(&retry_after(answer)), "the remaining time of the lease");
            assert!(matches!(answer.extensions().get(), Some(QStashRefusal::InProgress(_))));
        }
        assert_eq!(text(send(&app, "msg_1").await).await, "done already");
        assert_eq!(handler.runs(), 1);
        drop(shared);
    }
}

#[tokio::test]
async fn a_message_without_an_id_or_with_too_long_a_one_is_refused() {
    let handler = Handler::default();
    let app = app(IdempotencyGuard::memory(), &handler);
    for request in [signed("x"), delivery(""), delivery(".."), delivery(&"m".repeat(257))] {
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 400);
        assert!(text(response).await.contains("message-id"));
    }
    assert_eq!(handler.runs(), 0);
    // Nothing is kept for a request that was not verified.
    let mut forged = delivery("msg_1");
    *forged.body_mut() = Body::from("forged");
    assert_eq!(app.clone().oneshot(forged).await.unwrap().status(), 401);
    assert_eq!(send(&app, "msg_1").await.status(), 200);
}

#[tokio::test]
async fn keys_have_a_prefix_and_a_time_to_live() {
    let shared = Shared::start().await;
    let handler = Handler::default();
    let guard = guard(&shared).with_prefix("shop:qstash").with_lease(MINUTE).with_done_ttl(2 * MINUTE);
    let app = app(guard, &handler);
    let held = handler.hold();
    let sent = tokio::spawn(app.clone().oneshot(delivery("msg_1")));
    eventually(|| handler.runs() == 1).await;
    let redis = shared.direct();
    let key = "shop:qstash:message:msg_1";
    let value: String = redis.get(key).await.unwrap();
    assert!(value.starts_with("in-progress:1"), "{value}");
    let lives = async |at_most| {
        let Ttl::After(left) = redis.ttl(key).await.unwrap() else { panic!("it has no end") };
        assert!(left <= at_most && left > at_most - Duration::from_secs(20), "{left:?}");
    };
    lives(MINUTE).await;
    held.add_permits(1);
    sent.await.unwrap().unwrap();
    assert_eq!(redis.get::<String>(key).await.unwrap(), "done");
    lives(2 * MINUTE).await;
    assert_eq!(redis.dbsize().await.unwrap(), 1);
}

#[tokio::test]
async fn after_a_crash_the_message_runs_when_its_lease_has_ended() {
    let (clock, hands) = Clock::manual(ms(1_767_225_600_000));
    let guard = IdempotencyGuard::memory().with_clock(clock).with_lease(MINUTE).with_done_ttl(2 * MINUTE);
    let Begin::Started(crashed) = guard.begin("msg_1").await.unwrap() else { panic!("it is new") };
    std::mem::forget(crashed);
    let handler = Handler::default();
    let app = app(guard, &handler);
    assert_eq!(retry_after(&send(&app, "msg_1").await), 60);
    hands.advance(Duration::from_millis(59_500));
    assert_eq!(retry_after(&send(&app, "msg_1").await), 1);
    hands.advance(Duration::from_millis(500));
    assert_eq!(send(&app, "msg_1").await.status(), 200);
    hands.advance(2 * MINUTE - Duration::from_millis(1));
    assert_eq!(text(send(&app, "msg_1").await).await, "done already");
    hands.advance(Duration::from_millis(1));
    assert_eq!(text(send(&app, "msg_1").await).await, "x", "it is not known any more");
}

#[tokio::test]
async fn a_lease_that_has_ended_does_not_release_another_s() {
    let (clock, hands) = Clock::manual(ms(1_767_225_600_000));
    let guard = IdempotencyGuard::memory().with_clock(clock).with_lease(MINUTE);
    let begin = async || guard.begin("msg_1").await.unwrap();
    let Begin::Started(first) = begin().await else { panic!("it is new") };
    hands.advance(MINUTE);
    let Begin::Started(second) = begin().await else { panic!("the lease has ended") };
    first.release().await.unwrap();
    assert!(matches!(begin().await, Begin::InProgress(_)), "it is the second's");
    second.release().await.unwrap();
    let Begin::Started(third) = begin().await else { panic!("it was released") };
    drop(third);
    let Begin::Started(fourth) = begin().await else { panic!("it was dropped") };
    fourth.done().await.unwrap();
    assert!(matches!(begin().await, Begin::Done));
}

#[tokio::test]
async fn in_redis_a_lease_that_has_ended_does_not_release_another_s_either() {
    let shared = Shared::start().await;
    let guard = guard(&shared);
    let begin = async || guard.begin("msg_1").await.unwrap();
    let Begin::Started(first) = begin().await else { panic!("it is new") };
    // As at the end of the lease.
    shared.direct().del("axum-upstash:qstash:message:msg_1").await.unwrap();
    let Begin::Started(second) = begin().await else { panic!("the lease has ended") };
    first.release().await.unwrap();
    assert!(matches!(begin().await, Begin::InProgress(_)), "it is the second's");
    second.release().await.unwrap();
    assert!(matches!(begin().await, Begin::Started(_)));
}
