use crate::{
    delivery::{Handler, URL, delivery, receiver, signed, signer, text},
    times::ms,
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::post,
};
use axum_upstash::{
    Clock,
    qstash::{
        Metadata, QStash, QStashLayer, QStashRefusal, Receiver, Region, ReplayGuard, SignatureError, VerifiedMessage,
    },
};
use futures_util::{FutureExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tower::{Layer, Service, ServiceExt, service_fn};

fn router(layer: QStashLayer, handler: &Handler) -> Router {
    let handler = handler.clone();
    Router::new().route("/hook", post(async move |body: Bytes| handler.run(body).await)).layer(layer)
}

async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    serde_json::from_str(&text(response).await).unwrap()
}

#[tokio::test]
async fn a_router_behind_the_layer_gets_verified_bodies_only() {
    let handler = Handler::default();
    let app = router(QStashLayer::new(receiver()), &handler);
    // More than the 2 MB that axum's extractors take on their own.
    for body in [Bytes::new(), Bytes::from_static(b"\0\xff x"), vec![b'x'; 3 << 20].into()] {
        let response = app.clone().oneshot(signed(body.clone())).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(axum::body::to_bytes(response.into_body(), 4 << 20).await.unwrap() == body);
    }
    assert_eq!(handler.runs(), 3);

    let unsigned = Request::post("/hook").body(Body::from("x")).unwrap();
    let response = app.clone().oneshot(unsigned).await.unwrap();
    assert!(response.headers().contains_key("www-authenticate"));
    let refusal = response.extensions().get();
    assert!(matches!(refusal, Some(QStashRefusal::Signature(SignatureError::Missing))), "{refusal:?}");
    assert_eq!(problem(response, 401).await["check"], "missing");

    let mut other = signed("x");
    *other.body_mut() = Body::from("y");
    assert_eq!(problem(app.oneshot(other).await.unwrap(), 401).await["check"], "body");
    assert_eq!(handler.runs(), 3);
}

#[tokio::test]
async fn metadata_is_typed_and_what_cannot_be_read_is_absent() {
    async fn show(metadata: Metadata, same: Option<Metadata>) -> String {
        assert_eq!(same.as_ref(), Some(&metadata));
        assert_eq!(metadata.claims.subject, URL);
        let id = metadata.message_id.map(|id| id.to_string());
        assert_eq!(metadata.region, metadata.schedule_id.as_ref().map(|_| Region::UsEast1));
        let (schedule, group) = (metadata.schedule_id.as_ref(), metadata.url_group.as_ref());
        let (schedule, group) = (schedule.map(ToString::to_string), group.map(ToString::to_string));
        format!(
            "{id:?} {} {schedule:?} {group:?} {:?} {:?}",
            metadata.retried, metadata.caller_ip, metadata.traceparent
        )
    }
    let app: Router = Router::new().route("/hook", post(show)).layer(QStashLayer::new(receiver()));
    let send = async |headers: [&str; 7]| {
        let mut request = signed("x");
        let names = ["message-id", "retried", "schedule-id", "topic-name", "caller-ip", "region"];
        for (name, value) in names.into_iter().zip(headers) {
            let name = http::HeaderName::try_from(format!("upstash-{name}")).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request.headers_mut().insert("traceparent", headers[6].parse().unwrap());
        text(app.clone().oneshot(request).await.unwrap()).await
    };
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert_eq!(
        send(["msg_1", "2", "scd_1", "receipts", "192.0.2.7", "US-EAST-1", trace]).await,
        format!(r#"Some("msg_1") 2 Some("scd_1") Some("receipts") Some(192.0.2.7) Some("{trace}")"#)
    );
    let long = "m".repeat(257);
    assert_eq!(send([&long, "-1", "", "", "here", "MARS", "00-1"]).await, "None 0 None None None None");
}

#[tokio::test]
async fn metadata_without_the_layer_is_a_mistake_that_says_so() {
    let app: Router = Router::new().route("/hook", post(|_: Metadata| async {}));
    let problem = problem(app.oneshot(signed("x")).await.unwrap(), 500).await;
    assert_eq!(problem.to_string().contains("QStashLayer"), cfg!(debug_assertions), "{problem}");
}

/// Between the layer and the handler the signature expires: an extractor that verified again would refuse it.
#[tokio::test]
async fn an_extractor_behind_the_layer_does_not_verify_again_unless_its_receiver_is_another() {
    let (clock, hands) = Clock::manual(ms(1_767_225_600_000));
    let ours = receiver().with_clock(clock.clone()).with_replay_guard(ReplayGuard::memory().with_clock(clock.clone()));
    let later = middleware::from_fn(move |request: Request, next: Next| {
        hands.advance(Duration::from_secs(400));
        next.run(request)
    });
    let app = |receiver: Receiver| -> Router {
        Router::new()
            .route("/hook", post(async |body: QStash<Bytes>| body.0))
            .route("/message", post(async |message: VerifiedMessage<Bytes>| message.body))
            .with_state(receiver)
            .layer(later.clone())
            .layer(QStashLayer::new(ours.clone()))
    };
    let send = |receiver, path: &'static str| {
        let mut request = signed("");
        let signature = signer().with_clock(clock.clone()).sign(URL, "x");
        *request.uri_mut() = path.parse().unwrap();
        *request.body_mut() = Body::from("x");
        request.headers_mut().insert("upstash-signature", signature.parse().unwrap());
        app(receiver).oneshot(request)
    };
    for path in ["/hook", "/message"] {
        assert_eq!(text(send(ours.clone(), path).await.unwrap()).await, "x", "{path}");
        let other = receiver().with_clock(clock.clone());
        assert_eq!(problem(send(other, path).await.unwrap(), 401).await["check"], "expired", "{path}");
    }
}

#[tokio::test]
async fn a_public_url_is_compared_with_the_whole_path() {
    let layer = QStashLayer::new(receiver().try_with_public_url("https://app.example.com").unwrap());
    let inner = Router::new().route("/hook", post(async || "handled")).layer(layer);
    let app: Router = Router::new().nest("/webhooks", inner);
    for (url, status) in [("https://app.example.com/webhooks/hook", 200), (URL, 401)] {
        let request = Request::post("/webhooks/hook").header("upstash-signature", signer().sign(url, "x"));
        let response = app.clone().oneshot(request.body(Body::from("x")).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{url}");
    }
}

#[tokio::test]
async fn a_body_from_a_sender_without_a_key_is_not_read() {
    let app = router(QStashLayer::new(receiver()), &Handler::default());
    let body = stream::poll_fn(|_| -> Poll<Option<std::io::Result<Bytes>>> { panic!("the body was read") });
    let mut request = signed("x");
    *request.body_mut() = Body::from_stream(body);
    request.headers_mut().insert("upstash-signature", "x.y.z".parse().unwrap());
    assert_eq!(app.oneshot(request).await.unwrap().status(), 401);
}

#[tokio::test]
async fn broken_and_large_bodies_do_not_reach_the_handler() {
    let handler = Handler::default();
    let app = router(QStashLayer::new(receiver().with_body_limit(4)), &handler);
    let send = async |body: &'static str, sent: Body| {
        let mut request = signed(body);
        *request.body_mut() = sent;
        app.clone().oneshot(request).await.unwrap()
    };
    let broken = stream::iter([Ok("123"), Err(std::io::Error::other("broken"))]);
    assert_eq!(problem(send("123", Body::from_stream(broken)).await, 400).await["check"], "body-read");
    assert_eq!(problem(send("12345", Body::from("12345")).await, 413).await["check"], "body-size");
    let chunks = stream::iter([Ok::<_, Infallible>("123"), Ok("45")]);
    assert_eq!(problem(send("12345", Body::from_stream(chunks)).await, 413).await["check"], "body-size");
    assert_eq!(handler.runs(), 0);
    assert_eq!(send("1234", Body::from("1234")).await.status(), 200);
}

#[tokio::test]
async fn a_slow_body_is_awaited_and_can_be_given_up() {
    let handler = Handler::default();
    let app = router(QStashLayer::new(receiver()), &handler);
    let slow = || {
        let (sender, parts) = tokio::sync::mpsc::unbounded_channel::<Result<Bytes, Infallible>>();
        let mut parts = parts;
        let mut request = signed("12");
        *request.body_mut() = Body::from_stream(stream::poll_fn(move |cx| parts.poll_recv(cx)));
        (sender, request)
    };
    let (sender, request) = slow();
    let mut response = Box::pin(app.clone().oneshot(request));
    for part in ["1", "2"] {
        assert!(response.as_mut().now_or_never().is_none());
        sender.send(Ok(part.into())).unwrap();
    }
    assert!(response.as_mut().now_or_never().is_none(), "it has not ended");
    drop(sender);
    assert_eq!(text(response.await.unwrap()).await, "12");

    let (sender, request) = slow();
    let mut response = Box::pin(app.oneshot(request));
    assert!(response.as_mut().now_or_never().is_none());
    drop(response);
    assert!(sender.is_closed(), "the body is given up with the request");
    assert_eq!(handler.runs(), 1);
}

/// A body without `Default`, `Clone` or `Unpin`.
struct Whole(Option<Bytes>, std::marker::PhantomPinned);

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.clone().map(|_| Err(std::io::Error::other("not read in this test"))))
    }
}

#[tokio::test]
async fn a_tower_service_without_axum_gets_the_body_it_takes() {
    let service = service_fn(async |request: http::Request<Full<Bytes>>| {
        assert_eq!(request.extensions().get::<Metadata>().unwrap().claims.subject, URL);
        let body = request.into_body().collect().await.unwrap().to_bytes();
        if body == "fail" {
            return Err("the service failed");
        }
        Ok(http::Response::new(Whole(Some(body), std::marker::PhantomPinned)))
    });
    let service = QStashLayer::new(receiver()).with_request_body::<Full<Bytes>>().layer(service);
    let send = async |body: &'static str, signed_body: &'static str| {
        let signature = signer().sign(URL, signed_body);
        let request = http::Request::post("/").header("upstash-signature", signature);
        service.clone().oneshot(request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()).await
    };
    assert_eq!(send("x", "x").await.unwrap().status(), 200);
    assert_eq!(send("x", "y").await.unwrap().status(), 401);
    assert_eq!(send("fail", "fail").await.err(), Some("the service failed"));
}

/// Only the instance that was polled to readiness may be called.
struct OnceReady {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for OnceReady {
    fn clone(&self) -> Self {
        Self { is_ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<http::Request<Body>> for OnceReady {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without readiness");
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(http::Response::new(Body::empty())))
    }
}

#[tokio::test]
async fn the_instance_that_was_ready_is_called() {
    let calls = Arc::default();
    let inner = OnceReady { is_ready: false, calls: Arc::clone(&calls) };
    let mut service = QStashLayer::new(receiver()).layer(inner);
    for _ in 0..2 {
        let response = ServiceExt::<Request>::ready(&mut service).await.unwrap().call(delivery("msg_1")).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn debug_shows_no_key() {
    let layer = QStashLayer::new(receiver());
    let service = layer.layer(());
    let text = format!("{layer:?} {service:?}");
    assert!(!text.contains("sig_"), "{text}");
}
