//! Settings from the environment: regions, and the development server.

use crate::server::{Server, client};
use axum::body::Bytes;
use axum::{Router, body::Body, http::Request, routing::post};
use axum_upstash::{
    ErrorKind, Upstash, UpstashBuilder,
    client::{RetryPolicy, Transport, TransportBody, TransportError},
    qstash::{Message, QStash, QStashClient, Receiver, Region, Signer},
};
use futures_util::future::BoxFuture;
use http::{Response, header::AUTHORIZATION};
use http_body_util::{BodyExt, Full};
use std::sync::{Arc, Mutex};
use tower::ServiceExt;

const EU: [(&str, &str); 4] = [
    ("EU_CENTRAL_1_QSTASH_URL", "https://eu.example.com"),
    ("EU_CENTRAL_1_QSTASH_TOKEN", "eu-token"),
    ("EU_CENTRAL_1_QSTASH_CURRENT_SIGNING_KEY", "sig_eu"),
    ("EU_CENTRAL_1_QSTASH_NEXT_SIGNING_KEY", "sig_eu_next"),
];
const US: [(&str, &str); 4] = [
    ("US_EAST_1_QSTASH_URL", "https://us.example.com"),
    ("US_EAST_1_QSTASH_TOKEN", "us-token"),
    ("US_EAST_1_QSTASH_CURRENT_SIGNING_KEY", "sig_us"),
    ("US_EAST_1_QSTASH_NEXT_SIGNING_KEY", "sig_us_next"),
];
const DEFAULT: [(&str, &str); 4] = [
    ("QSTASH_URL", "https://default.example.com"),
    ("QSTASH_TOKEN", "default-token"),
    ("QSTASH_CURRENT_SIGNING_KEY", "sig_default"),
    ("QSTASH_NEXT_SIGNING_KEY", "sig_default_next"),
];

fn builder(variables: &[&[(&str, &str)]]) -> UpstashBuilder {
    let variables: Vec<(String, String)> =
        variables.concat().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let find = |name: &str| variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
    UpstashBuilder::from_env_with(find).or_memory()
}

/// Notes the address and the token of each request.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<String>>>);

impl Transport for Noted {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<Response<TransportBody>, TransportError>> {
        let host = request.uri().authority().unwrap().as_str();
        let token = request.headers()[AUTHORIZATION].to_str().unwrap();
        self.0.lock().unwrap().push(format!("{host} {token}"));
        let body = Full::new(Bytes::from_static(br#"{"messageId":"msg_1"}"#));
        Box::pin(async { Ok(Response::new(body.map_err(|never| match never {}).boxed_unsync())) })
    }
}

async fn publishes_to(builder: UpstashBuilder) -> String {
    let noted = Noted::default();
    let upstash = builder.transport(noted.clone()).retry(RetryPolicy::never()).build().unwrap();
    upstash.qstash().publish(Message::to_url("https://app.example.com/")).await.unwrap();
    let mut noted = noted.0.lock().unwrap();
    assert_eq!(noted.len(), 1);
    noted.remove(0)
}

const DEV: &str = "Bearer eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=";

#[tokio::test]
async fn the_client_s_address_and_token_are_those_of_the_first_that_is_set() {
    let region = |name| ("QSTASH_REGION", name);
    for (variables, expected) in [
        (vec![&DEFAULT[..]], "default.example.com Bearer default-token".to_owned()),
        (vec![&DEFAULT[1..2]], "qstash.upstash.io Bearer default-token".to_owned()),
        // Without the region they are not read.
        (vec![&DEFAULT[..], &EU, &US], "default.example.com Bearer default-token".to_owned()),
        (vec![&DEFAULT[..], &EU, &US, &[region("US_EAST_1")]], "us.example.com Bearer us-token".to_owned()),
        (vec![&DEFAULT[..], &EU, &US, &[region("eu-central-1")]], "eu.example.com Bearer eu-token".to_owned()),
        (vec![&US[..], &[region("us_east-1")]], "us.example.com Bearer us-token".to_owned()),
        (vec![&DEFAULT[..], &EU, &[region("US_EAST_1")]], "default.example.com Bearer default-token".to_owned()),
        (vec![&DEFAULT[..], &[("QSTASH_DEV", "true")]], format!("127.0.0.1:8080 {DEV}")),
        (
            vec![&US[..], &[region("US_EAST_1"), ("QSTASH_DEV", "1"), ("QSTASH_DEV_PORT", "8181")]],
            format!("127.0.0.1:8181 {DEV}"),
        ),
        (
            vec![&DEFAULT[..], &[("QSTASH_DEV", "false"), ("QSTASH_DEV_PORT", "8181")]],
            "default.example.com Bearer default-token".to_owned(),
        ),
        (vec![&DEFAULT[..], &[("QSTASH_DEV", "0")]], "default.example.com Bearer default-token".to_owned()),
        (vec![&DEFAULT[..], &[("QSTASH_DEV", "")]], "default.example.com Bearer default-token".to_owned()),
    ] {
        assert_eq!(publishes_to(builder(&variables)).await, expected, "{variables:?}");
    }
    let all = || builder(&[&DEFAULT, &US, &[region("US_EAST_1")]]);
    let own = all().qstash_url("https://own.example.com").qstash_token("own-token");
    assert_eq!(publishes_to(own).await, "own.example.com Bearer own-token");
    assert_eq!(publishes_to(all().qstash_token("own-token")).await, "us.example.com Bearer us-token");
    assert_eq!(publishes_to(all().qstash_dev_server(9000)).await, format!("127.0.0.1:9000 {DEV}"));
}

#[test]
fn wrong_settings_are_told_at_once_by_name() {
    let error =
        builder(&[&[("QSTASH_REGION", "secret-1"), ("QSTASH_DEV", "secret-2")], &DEFAULT[..3]]).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = error.to_string();
    for problem in [
        "QSTASH_REGION must be US_EAST_1 or EU_CENTRAL_1",
        "QSTASH_DEV must be true, 1, false or 0",
        "QSTASH_NEXT_SIGNING_KEY is not set, but QSTASH_CURRENT_SIGNING_KEY is",
    ] {
        assert!(text.contains(problem), "{text}");
    }
    assert!(text.starts_with("3 problems:") && !text.contains("secret"), "{text}");

    for (variables, problem) in [
        (vec![&US[..1], &DEFAULT], "US_EAST_1_QSTASH_TOKEN is not set, but US_EAST_1_QSTASH_URL is"),
        (vec![&US[1..2], &DEFAULT], "US_EAST_1_QSTASH_URL is not set, but US_EAST_1_QSTASH_TOKEN is"),
        (vec![&EU[..3], &DEFAULT], "EU_CENTRAL_1_QSTASH_NEXT_SIGNING_KEY is not set"),
        (vec![&[("US_EAST_1_QSTASH_URL", "secret"), US[1]]], "US_EAST_1_QSTASH_URL is not a URL"),
        (vec![&[US[0], ("US_EAST_1_QSTASH_TOKEN", "se cret")]], "US_EAST_1_QSTASH_TOKEN contains"),
        (
            vec![&[US[2], ("US_EAST_1_QSTASH_NEXT_SIGNING_KEY", "se cret")]],
            "US_EAST_1_QSTASH_NEXT_SIGNING_KEY contains",
        ),
    ] {
        let with_region = [&variables[..], &[&[("QSTASH_REGION", "US_EAST_1")]]].concat();
        let error = builder(&with_region).build().unwrap_err().to_string();
        assert!(error.contains(problem) && !error.contains("cret"), "{error}");
        assert!(builder(&variables).build().is_ok(), "they are not read without the region: {variables:?}");
    }
    for port in ["0", "65536", "-1", "secret", "80 80"] {
        let error = builder(&[&[("QSTASH_DEV", "true"), ("QSTASH_DEV_PORT", port)]]).build().unwrap_err();
        assert_eq!(error.to_string(), "QSTASH_DEV_PORT is not the number of a port");
    }
    for value in ["yes", "TRUE", "2"] {
        assert!(builder(&[&[("QSTASH_DEV", value)]]).build().is_err(), "{value}");
    }
}

async fn status(receiver: &Receiver, key: &str, region: Option<&str>) -> u16 {
    let app: Router = Router::new().route("/hook", post(async |_: QStash<Bytes>| ())).with_state(receiver.clone());
    let signature = Signer::new(key).unwrap().sign("https://app.example.com/hook", "body");
    let mut request = Request::post("/hook").header("upstash-signature", &signature);
    if let Some(region) = region {
        request = request.header("upstash-region", region);
    }
    let extracted = app.oneshot(request.body(Body::from("body")).unwrap()).await.unwrap().status().as_u16();
    let by_hand = receiver.for_region(region.unwrap_or_default()).verify(&signature, b"body");
    assert_eq!(by_hand.is_ok(), extracted == 200);
    extracted
}

fn receiver(variables: &[&[(&str, &str)]]) -> Receiver {
    builder(variables).build().unwrap().receiver()
}

#[tokio::test]
async fn deliveries_are_verified_with_the_keys_of_the_region_that_they_name() {
    let (us, eu) = (Some("US-EAST-1"), Some("EU-CENTRAL-1"));
    let region = [("QSTASH_REGION", "EU_CENTRAL_1")];
    let all = receiver(&[&DEFAULT, &EU, &US, &region]);
    for (key, named, expected) in [
        ("sig_us", us, 200),
        ("sig_us_next", us, 200),
        ("sig_eu", eu, 200),
        ("sig_default", None, 200),
        ("sig_default", Some("AP-SOUTH-1"), 200),
        ("sig_default", us, 401),
        ("sig_eu", us, 401),
        ("sig_us", None, 401),
        ("sig_us", Some("AP-SOUTH-1"), 401),
    ] {
        assert_eq!(status(&all, key, named).await, expected, "{key} {named:?}");
    }
    // One region alone: the other falls through.
    let one = receiver(&[&DEFAULT, &US, &region]);
    assert_eq!(status(&one, "sig_default", eu).await, 200);
    assert_eq!(status(&one, "sig_us", us).await, 200);
    // Without keys for all, deliveries of other regions are refused as not configured.
    let without_default = receiver(&[&EU, &US, &region]);
    assert_eq!(status(&without_default, "sig_eu", eu).await, 200);
    assert_eq!(status(&without_default, "sig_eu", None).await, 500);
    // Without the region the header does not count.
    let plain = receiver(&[&DEFAULT, &EU, &US]);
    assert_eq!(status(&plain, "sig_default", us).await, 200);
    assert_eq!(status(&plain, "sig_us", us).await, 401);
    // Keys of the application's own are the only ones.
    let own = builder(&[&DEFAULT, &US, &region]).qstash_signing_keys("sig_own", "sig_own_next").build().unwrap();
    assert_eq!(status(&own.receiver(), "sig_own", us).await, 200);
    assert_eq!(status(&own.receiver(), "sig_us", us).await, 401);
    let dev = receiver(&[&DEFAULT, &US, &region, &[("QSTASH_DEV", "true")]]);
    assert_eq!(status(&dev, "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r", us).await, 200);
    assert_eq!(status(&dev, "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs", None).await, 200);
    assert_eq!(status(&dev, "sig_default", None).await, 401);
}

#[tokio::test]
async fn a_receiver_gets_keys_of_a_region_by_hand() {
    let receiver =
        Receiver::new("sig_a", "sig_b").unwrap().try_with_region(Region::UsEast1, "sig_old", "sig_b").unwrap();
    let receiver = receiver.try_with_region(Region::UsEast1, "sig_us", "sig_us_next").unwrap();
    assert_eq!(status(&receiver, "sig_us", Some("us-east-1")).await, 200);
    assert_eq!(status(&receiver, "sig_old", Some("us-east-1")).await, 401);
    assert!(format!("{receiver:?}").contains("UsEast1") && !format!("{receiver:?}").contains("sig_"));
    let error = Receiver::new("sig_a", "sig_b").unwrap().try_with_region(Region::UsEast1, "a b", "").unwrap_err();
    assert!(error.to_string().starts_with("2 problems:\n  the current signing key of US-EAST-1 contains"), "{error}");
}

#[tokio::test]
async fn a_region_of_the_builder_is_an_address() {
    let noted = Noted::default();
    let client = QStashClient::builder("t").region(Region::UsEast1).transport(noted.clone()).build().unwrap();
    client.publish(Message::to_url("https://app.example.com/")).await.unwrap();
    assert_eq!(*noted.0.lock().unwrap(), ["qstash-us-east-1.upstash.io Bearer t"]);
}

/// A development server may be called with URLs of this machine.
#[tokio::test]
async fn a_local_server_takes_local_destinations() {
    let server = Server::accepting().await;
    client(&server.url).publish(Message::to_url("http://localhost:3000/hook")).await.unwrap();
    assert_eq!(server.only().line, "POST /v2/publish/http://localhost:3000/hook");
    let port = server.url.rsplit_once(':').unwrap().1;
    let upstash = Upstash::builder().or_memory().qstash_dev_server(port.parse().unwrap()).build().unwrap();
    upstash.qstash().publish(Message::to_url("http://127.0.0.1:3000/hook")).await.unwrap();
    assert_eq!(server.count(), 2);
    assert!(upstash.check().await.unwrap().qstash);
}

/// A setting that is not used is in the log, by name.
#[test]
fn settings_that_are_not_used_are_logged() {
    let (log, _logging) = crate::log::Log::of(tracing::Level::WARN);
    builder(&[&DEFAULT, &[("QSTASH_DEV", "1")]]).build().unwrap();
    let text = log.take();
    assert!(text.contains("QSTASH_DEV is set: webhooks are verified with public keys"), "{text}");
    for name in ["QSTASH_URL", "QSTASH_TOKEN", "QSTASH_CURRENT_SIGNING_KEY"] {
        assert!(text.contains(&format!("{name} is set, and is not used because QSTASH_DEV is")), "{text}");
    }
    builder(&[&DEFAULT, &[("QSTASH_REGION", "US_EAST_1")]]).build().unwrap();
    let text = log.take();
    let expected = "US_EAST_1_QSTASH_URL and US_EAST_1_QSTASH_TOKEN are not set, although QSTASH_REGION is";
    assert!(text.contains(expected) && !text.contains("default-token"), "{text}");
    builder(&[&DEFAULT, &US, &[("QSTASH_REGION", "US_EAST_1"), ("QSTASH_DEV", "0")]]).build().unwrap();
    assert!(!log.take().contains("QSTASH"));
}

#[tokio::test]
async fn a_refused_token_is_named_by_the_variable_of_its_region() {
    let server = Server::answering(401, r#"{"error":"unauthorized"}"#).await;
    let here = [("US_EAST_1_QSTASH_URL", server.url.as_str()), US[1], ("QSTASH_REGION", "US_EAST_1")];
    let upstash = builder(&[&DEFAULT, &here]).build().unwrap();
    let error = upstash.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let text = error.to_string();
    assert!(text.starts_with("US_EAST_1_QSTASH_URL: ") && text.contains("see US_EAST_1_QSTASH_TOKEN"), "{text}");
}
