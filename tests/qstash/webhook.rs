use crate::times::ms;
use axum::{
    Form, Json, Router,
    body::{Body, Bytes},
    extract::{FromRef, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use axum_upstash::{
    Clock, Error, ErrorKind,
    qstash::{KeyUsed, NonRetryable, QStash, Receiver, Signer, VerifiedMessage},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

const URL: &str = "https://app.example.com/hook";

fn receiver() -> Receiver {
    Receiver::new("sig_current", "sig_next").unwrap()
}

fn signer() -> Signer {
    Signer::new("sig_current").unwrap()
}

fn signed(path: &str, content_type: &str, body: impl Into<Bytes>) -> Request {
    let body = body.into();
    let signature = signer().sign(URL, &body);
    Request::post(path)
        .header(CONTENT_TYPE, content_type)
        .header("Upstash-Signature", signature)
        .body(Body::from(body))
        .unwrap()
}

fn with_signature(signature: &str, body: &'static str) -> Request {
    Request::post("/hook").header("Upstash-Signature", signature).body(Body::from(body)).unwrap()
}

async fn text(response: Response) -> String {
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn problem(response: Response, status: u16) -> Value {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
    let problem: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(problem["status"], status);
    problem
}

/// An application's own state: the receiver is a part of it, and handlers count.
#[derive(Clone)]
struct App {
    receiver: Receiver,
    handled: Arc<AtomicUsize>,
}

impl FromRef<App> for Receiver {
    fn from_ref(app: &App) -> Self {
        app.receiver.clone()
    }
}

fn counting(receiver: Receiver) -> (Router, Arc<AtomicUsize>) {
    async fn count(State(app): State<App>, QStash(body): QStash<Bytes>) -> Bytes {
        app.handled.fetch_add(1, Ordering::SeqCst);
        body
    }
    let handled = Arc::new(AtomicUsize::new(0));
    let app = App { receiver, handled: Arc::clone(&handled) };
    (Router::new().route("/hook", post(count)).with_state(app), handled)
}

#[tokio::test]
async fn inner_extractors_see_what_was_signed() {
    async fn json(QStash(Json(value)): QStash<Json<Value>>) -> String {
        value["order"].to_string()
    }
    async fn form(QStash(Form(fields)): QStash<Form<HashMap<String, String>>>) -> String {
        fields["order"].clone()
    }
    async fn raw(body: QStash<Bytes>) -> Bytes {
        body.0
    }
    async fn string(QStash(body): QStash<String>) -> String {
        body
    }
    async fn whole(QStash(request): QStash<Request>) -> String {
        format!("{} {}", request.uri(), request.headers()[CONTENT_TYPE].to_str().unwrap())
    }
    let app = Router::new()
        .route("/json", post(json))
        .route("/form", post(form))
        .route("/raw", post(raw))
        .route("/string", post(string))
        .route("/whole", post(whole))
        .with_state(receiver());
    for (path, content_type, body, expected) in [
        ("/json", "application/json", " {\"order\": 17} ", "17"),
        ("/form", "application/x-www-form-urlencoded", "order=17&x=y", "17"),
        ("/raw", "application/octet-stream", "\0\x01", "\0\x01"),
        ("/string", "text/plain", "", ""),
        ("/whole?a=b", "text/plain", "x", "/whole?a=b text/plain"),
    ] {
        let response = app.clone().oneshot(signed(path, content_type, body)).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(text(response).await, expected, "{path}");
    }
}

#[tokio::test]
async fn the_handler_runs_for_a_right_signature_only() {
    let (clock, _) = Clock::manual(ms(1_767_225_600_000));
    let (app, handled) = counting(receiver().with_clock(clock.clone()));
    let right = || signer().with_clock(clock.clone());
    let cases = [
        (right().sign(URL, "other"), "body"),
        (Signer::new("sig_other").unwrap().with_clock(clock.clone()).sign(URL, "body"), "signature"),
        (right().with_algorithm_header("none").sign(URL, "body"), "algorithm"),
        (right().with_claim("iss", "upstash").sign(URL, "body"), "issuer"),
        (right().with_claim("exp", 1_767_225_600).sign(URL, "body"), "expired"),
        (right().with_claim("nbf", 1_767_225_601).sign(URL, "body"), "not-yet-valid"),
        ("garbage".to_owned(), "malformed"),
        (String::new(), "missing"),
    ];
    for (signature, check) in cases {
        let response = app.clone().oneshot(with_signature(&signature, "body")).await.unwrap();
        let problem = problem(response, 401).await;
        assert_eq!(problem["check"], check);
        assert!(problem["detail"].is_string());
    }
    let unsigned = Request::post("/hook").body(Body::from("body")).unwrap();
    assert_eq!(problem(app.clone().oneshot(unsigned).await.unwrap(), 401).await["check"], "missing");
    assert_eq!(handled.load(Ordering::SeqCst), 0);

    for key in ["sig_current", "sig_next"] {
        let signature = Signer::new(key).unwrap().with_clock(clock.clone()).sign(URL, "body");
        let response = app.clone().oneshot(with_signature(&signature, "body")).await.unwrap();
        assert_eq!(text(response).await, "body");
    }
    assert_eq!(handled.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_header_that_is_no_text_is_malformed() {
    let (app, handled) = counting(receiver());
    let request = Request::post("/hook").header("upstash-signature", b"\xff".as_slice()).body(Body::empty()).unwrap();
    assert_eq!(problem(app.oneshot(request).await.unwrap(), 401).await["check"], "malformed");
    assert_eq!(handled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_limit_of_the_body_is_the_receiver_s() {
    let (app, handled) = counting(receiver().with_body_limit(4));
    let response = app.clone().oneshot(signed("/hook", "text/plain", "12345")).await.unwrap();
    assert_eq!(problem(response, 413).await["check"], "body-size");
    assert_eq!(handled.load(Ordering::SeqCst), 0);
    assert_eq!(app.clone().oneshot(signed("/hook", "text/plain", "1234")).await.unwrap().status(), 200);

    // The same without a length known beforehand.
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("123"), Ok("45")]);
    let request = Request::post("/hook")
        .header("upstash-signature", signer().sign(URL, "12345"))
        .body(Body::from_stream(chunks))
        .unwrap();
    assert_eq!(problem(app.oneshot(request).await.unwrap(), 413).await["check"], "body-size");

    // More than the 2 MB that axum's extractors take on their own.
    let (app, _) = counting(receiver());
    let response = app.clone().oneshot(signed("/hook", "text/plain", vec![b'x'; 3 << 20])).await.unwrap();
    assert_eq!(response.status(), 200);
    let response = app.oneshot(signed("/hook", "text/plain", vec![b'x'; (10 << 20) + 1])).await.unwrap();
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn a_body_from_somebody_without_a_key_is_not_read() {
    let (app, _) = counting(receiver());
    let chunks = futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<Bytes>>> {
        panic!("the body was read")
    });
    let request = Request::post("/hook")
        .header("upstash-signature", Signer::new("sig_other").unwrap().sign(URL, "x"))
        .body(Body::from_stream(chunks))
        .unwrap();
    assert_eq!(problem(app.oneshot(request).await.unwrap(), 401).await["check"], "signature");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let (app, handled) = counting(receiver());
    let chunks = futures_util::stream::iter([Ok("123"), Err(std::io::Error::other("broken"))]);
    let request = Request::post("/hook")
        .header("upstash-signature", signer().sign(URL, "123"))
        .body(Body::from_stream(chunks))
        .unwrap();
    assert_eq!(problem(app.oneshot(request).await.unwrap(), 400).await["check"], "body-read");
    assert_eq!(handled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn without_keys_the_answer_is_500_and_only_a_debug_build_says_why() {
    let reason = Error::new(ErrorKind::Configuration, "QSTASH_CURRENT_SIGNING_KEY is not set");
    let (app, handled) = counting(Receiver::not_configured(reason));
    let problem = problem(app.oneshot(signed("/hook", "text/plain", "x")).await.unwrap(), 500).await;
    assert_eq!(problem["check"], "keys");
    assert_eq!(
        problem.to_string().contains("QSTASH_CURRENT_SIGNING_KEY is not set"),
        cfg!(debug_assertions),
        "{problem}"
    );
    assert_eq!(handled.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_inner_rejection_is_the_response() {
    async fn json(_: QStash<Json<u64>>) {}
    let app = Router::new().route("/hook", post(json)).with_state(receiver());
    for (content_type, body, status) in [
        ("application/json", "1 2", StatusCode::BAD_REQUEST),
        ("application/json", "\"text\"", StatusCode::UNPROCESSABLE_ENTITY),
        ("text/plain", "1", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let response = app.clone().oneshot(signed("/hook", content_type, body)).await.unwrap();
        assert_eq!(response.status(), status);
        assert_ne!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}

#[tokio::test]
async fn metadata_comes_with_the_message() {
    async fn show(message: VerifiedMessage<Json<u64>>) -> Response {
        let VerifiedMessage { body: Json(order), metadata, .. } = message;
        let claims = &metadata.claims;
        assert_eq!(claims.subject, URL);
        assert_eq!(claims.key, KeyUsed::Current);
        assert!(claims.token_id.as_deref().unwrap().starts_with("jwt_"));
        Json(json!([
            order,
            metadata.message_id,
            metadata.retried,
            metadata.schedule_id,
            metadata.url_group,
            metadata.caller_ip,
            metadata.region.map(axum_upstash::qstash::Region::as_str)
        ]))
        .into_response()
    }
    let app: Router = Router::new().route("/hook", post(show)).with_state(receiver());
    let bare = app.clone().oneshot(signed("/hook", "application/json", "17")).await.unwrap();
    assert_eq!(text(bare).await, "[17,null,0,null,null,null,null]");

    let mut request = signed("/hook", "application/json", "17");
    for (name, value) in [
        ("upstash-message-id", "msg_1"),
        ("upstash-retried", "2"),
        ("upstash-schedule-id", "scd_1"),
        ("upstash-topic-name", "receipts"),
        ("upstash-caller-ip", "192.0.2.7"),
        ("upstash-region", "EU-CENTRAL-1"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let full = app.oneshot(request).await.unwrap();
    assert_eq!(text(full).await, r#"[17,"msg_1",2,"scd_1","receipts","192.0.2.7","EU-CENTRAL-1"]"#);
}

#[tokio::test]
async fn the_public_url_is_compared_with_the_path_as_it_was_sent() {
    async fn ok(_: QStash<Bytes>) {}
    let receiver = receiver().try_with_public_url("https://app.example.com/").unwrap();
    let app = Router::new().nest("/webhooks", Router::new().route("/{name}", post(ok))).with_state(receiver);
    let send = |destination: &str, target: &str| {
        let request = Request::post(target)
            .header("host", "internal:3000")
            .header("upstash-signature", signer().sign(destination, "x"))
            .body(Body::from("x"))
            .unwrap();
        let app = app.clone();
        async move { app.oneshot(request).await.unwrap() }
    };
    for (destination, target) in [
        ("https://app.example.com/webhooks/a", "/webhooks/a"),
        ("https://app.example.com/webhooks/a?x=%20&y", "/webhooks/a?x=%20&y"),
        ("https://app.example.com/webhooks/a%2Fb", "/webhooks/a%2Fb"),
        ("https://app.example.com/webhooks/a", "http://internal:3000/webhooks/a"),
        ("HTTPS://App.Example.com:443/webhooks/a", "/webhooks/a"),
    ] {
        assert_eq!(send(destination, target).await.status(), 200, "{destination}");
    }
    for (destination, target) in [
        ("https://app.example.com/webhooks/a", "/webhooks/b"),
        ("https://app.example.com/webhooks/a?x", "/webhooks/a"),
        ("https://app.example.com/a", "/webhooks/a"),
        ("https://internal:3000/webhooks/a", "/webhooks/a"),
        ("http://app.example.com/webhooks/a", "/webhooks/a"),
    ] {
        assert_eq!(problem(send(destination, target).await, 401).await["check"], "subject", "{destination}");
    }
}

#[tokio::test]
async fn a_bare_origin_is_the_url_of_the_root() {
    for public_url in ["https://app.example.com", "HTTPS://APP.example.com:443/"] {
        let receiver = receiver().try_with_public_url(public_url).unwrap();
        let app = Router::new().route("/", post(|_: QStash<Bytes>| async {})).with_state(receiver);
        for destination in ["https://app.example.com", "https://app.example.com/"] {
            let signature = signer().sign(destination, "x");
            let request = Request::post("/").header("upstash-signature", signature).body(Body::from("x")).unwrap();
            assert_eq!(app.clone().oneshot(request).await.unwrap().status(), 200, "{public_url} {destination}");
        }
    }
}

#[tokio::test]
async fn any_line_of_several_signatures_may_be_the_right_one() {
    let good = signer().sign(URL, "x");
    let other_body = signer().sign(URL, "y");
    let expired = signer().with_claim("exp", 1).sign(URL, "x");
    for (lines, status) in [
        (&["nonsense", &good][..], 200),
        (&[&good, "nonsense"], 200),
        (&[&other_body, &good], 200),
        (&[&other_body], 401),
        (&[&expired, "nonsense"], 401),
        (&["", "a", "b", "c", &good], 401),
    ] {
        let mut request = Request::post("/hook");
        for line in lines {
            request = request.header("Upstash-Signature", *line);
        }
        let (app, _) = counting(receiver());
        let response = app.oneshot(request.body(Body::from("x")).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{lines:?}");
        if lines[0] == expired {
            assert_eq!(problem(response, 401).await["check"], "expired", "the fault of the first line");
        }
    }
}

#[tokio::test]
async fn a_message_for_another_url_shows_both_in_the_log() {
    let (log, _logging) = crate::log::Log::of(tracing::Level::DEBUG);
    let receiver = receiver().try_with_public_url("https://app.example.com").unwrap();
    let (app, _) = counting(receiver);
    let request = with_signature(&signer().sign("http://app.example.com/hook?secret=1", "x"), "x");
    assert_eq!(app.oneshot(request).await.unwrap().status(), 401);
    let text = log.take();
    for part in [
        r#"expected="https://app.example.com/hook""#,
        r#"received="http://app.example.com/hook""#,
        "the scheme differs",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_tolerance_allows_for_clocks_that_differ() {
    let (clock, time) = Clock::manual(ms(1_767_225_600_000));
    let (app, _) = counting(receiver().with_clock(clock.clone()).with_clock_tolerance(Duration::from_secs(10)));
    let signature = signer().with_clock(clock).sign(URL, "x");
    time.advance(Duration::from_millis(309_999));
    assert_eq!(app.clone().oneshot(with_signature(&signature, "x")).await.unwrap().status(), 200);
    time.advance(Duration::from_millis(1));
    let response = app.oneshot(with_signature(&signature, "x")).await.unwrap();
    assert_eq!(problem(response, 401).await["check"], "expired");
}

#[tokio::test]
async fn a_handler_can_end_the_retries() {
    async fn never(_: QStash<Bytes>) -> Result<(), NonRetryable<(StatusCode, &'static str)>> {
        Err(NonRetryable((StatusCode::BAD_REQUEST, "no such order")))
    }
    let app: Router = Router::new().route("/hook", post(never)).with_state(receiver());
    let response = app.oneshot(signed("/hook", "text/plain", "x")).await.unwrap();
    assert_eq!(response.status(), 489);
    assert_eq!(response.headers()["upstash-nonretryable-error"], "true");
    assert_eq!(text(response).await, "no such order");
}
