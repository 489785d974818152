//! `@upstash/qstash` verifying what our signer signs, and our receiver verifying what JavaScript signs.

use crate::times::now_ms;
use axum_upstash::local::LocalQStash;
use axum_upstash::qstash::{KeyUsed, Receiver, SignatureError, Signer};
use serde_json::{Value, json};

use crate::node;

const CURRENT: &str = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r";
const NEXT: &str = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs";
const FOREIGN: &str = "sig_of_somebody_else";
const URL: &str = "https://example.com/api/hook?x=1";
const BODY: &str = r#"{"hello":"world"}"#;

/// A request as it arrives, and what our receiver says of it.
struct Case {
    name: &'static str,
    signature: String,
    body: &'static str,
    url: Option<&'static str>,
    expected: Result<KeyUsed, SignatureError>,
}

fn case(name: &'static str, signature: String, expected: Result<KeyUsed, SignatureError>) -> Case {
    Case { name, signature, body: BODY, url: Some(URL), expected }
}

/// Another character in the middle of one of the three parts.
fn altered(token: &str, part: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let at = parts[part].len() / 2;
    let other = if &parts[part][at..=at] == "A" { "B" } else { "A" };
    parts[part].replace_range(at..=at, other);
    parts.join(".")
}

#[tokio::test]
async fn the_sdk_and_our_receiver_agree_on_what_our_signer_signs() {
    use SignatureError::{Algorithm, BadSignature, BodyHash, Expired, Issuer, NotYetValid, Subject};

    let current = || Signer::new(CURRENT).unwrap();
    let right = current().sign(URL, BODY);
    let now = now_ms() / 1000;
    let unicode = "{\"crab\":\"🦀\",\"text\":\"zażółć\\n日本語\"}";
    let cases = [
        case("current key", right.clone(), Ok(KeyUsed::Current)),
        case("next key", Signer::new(NEXT).unwrap().sign(URL, BODY), Ok(KeyUsed::Next)),
        Case { body: "", ..case("empty body", current().sign(URL, ""), Ok(KeyUsed::Current)) },
        Case { body: unicode, ..case("unicode body", current().sign(URL, unicode), Ok(KeyUsed::Current)) },
        Case { url: None, ..case("url not checked", right.clone(), Ok(KeyUsed::Current)) },
        case("no audience", current().without_claim("aud").sign(URL, BODY), Ok(KeyUsed::Current)),
        Case { body: r#"{"hello": "world"}"#, ..case("body written anew", right.clone(), Err(BodyHash)) },
        Case { body: "", ..case("body lost", right.clone(), Err(BodyHash)) },
        Case { url: Some("https://example.com/api/hook"), ..case("query lost", right.clone(), Err(Subject)) },
        case("foreign key", Signer::new(FOREIGN).unwrap().sign(URL, BODY), Err(BadSignature)),
        case("altered claims", altered(&right, 1), Err(BadSignature)),
        case("altered signature", altered(&right, 2), Err(BadSignature)),
        case("other issuer", current().with_claim("iss", "upstash").sign(URL, BODY), Err(Issuer)),
        case("expired", current().with_claim("exp", now - 1).sign(URL, BODY), Err(Expired)),
        case("from the future", current().with_claim("nbf", now + 60).sign(URL, BODY), Err(NotYetValid)),
        case("other algorithm", current().with_algorithm_header("HS512").sign(URL, BODY), Err(Algorithm)),
        case("no algorithm", current().with_algorithm_header("none").sign(URL, BODY), Err(Algorithm)),
    ];

    let requests: Vec<Value> = cases
        .iter()
        .map(|case| {
            json!({
                "name": case.name,
                "currentSigningKey": CURRENT,
                "nextSigningKey": NEXT,
                "signature": case.signature,
                "body": case.body,
                "url": case.url,
            })
        })
        .collect();
    let verdicts = node::compute("qstash-verify", &requests.into()).await;

    let receiver = Receiver::new(CURRENT, NEXT).unwrap();
    for Case { name, signature, body, url, expected } in cases {
        let ours = match url {
            Some(url) => receiver.verify_for_url(&signature, body.as_bytes(), url),
            None => receiver.verify(&signature, body.as_bytes()),
        };
        assert_eq!(ours.map(|claims| claims.key), expected, "{name}");
        let verdict = verdicts[name].as_str().unwrap();
        match expected {
            Ok(_) => assert_eq!(verdict, "accepted", "{name}"),
            // Not a mistake in the script: the SDK's own refusal.
            Err(_) => assert!(verdict.starts_with("SignatureError: "), "{name}: {verdict}"),
        }
    }
}

#[tokio::test]
async fn our_receiver_takes_what_javascript_signs() {
    let bodies = [BODY, "", "zażółć 日本語 🦀"];
    let mut expected = Vec::new();
    for shape in ["production", "suite"] {
        for body in bodies {
            for (key, used) in [(CURRENT, Some(KeyUsed::Current)), (NEXT, Some(KeyUsed::Next)), (FOREIGN, None)] {
                expected.push((shape, body, key, used));
            }
        }
    }
    let orders: Vec<Value> = expected
        .iter()
        .map(|(shape, body, key, _)| json!({"shape": shape, "key": key, "url": URL, "body": body}))
        .collect();
    let tokens = node::compute("qstash-sign", &orders.into()).await;

    let receiver = Receiver::new(CURRENT, NEXT).unwrap();
    for ((shape, body, _, used), token) in expected.into_iter().zip(tokens.as_array().unwrap()) {
        let token = token.as_str().unwrap();
        let claims = receiver.verify_for_url(token, body.as_bytes(), URL);
        let Some(used) = used else {
            assert_eq!(claims, Err(SignatureError::BadSignature), "{shape}");
            continue;
        };
        let claims = claims.unwrap_or_else(|error| panic!("{shape}, {body:?}: {error}"));
        assert_eq!((claims.key, &*claims.subject), (used, URL), "{shape}");
        // In production the year 1; no id if it is not text.
        let (not_before, token_id) = (claims.not_before.unwrap(), claims.token_id.is_some());
        assert_eq!((not_before == -62_135_596_800, token_id), (shape == "production", shape == "production"));

        assert_eq!(receiver.verify(token, b"another body"), Err(SignatureError::BodyHash), "{shape}");
        let elsewhere = receiver.verify_for_url(token, body.as_bytes(), "https://example.com/");
        assert_eq!(elsewhere, Err(SignatureError::Subject), "{shape}");
        assert_eq!(receiver.verify(&altered(token, 2), body.as_bytes()), Err(SignatureError::BadSignature));
    }
}

/// The assertions are in the script.
#[tokio::test]
async fn the_sdk_finds_all_it_needs_in_a_local_qstash() {
    let local = LocalQStash::start().await.unwrap();
    let output = node::run_with_qstash("qstash-client", &local).await;
    assert!(output["deliveries"].as_u64().unwrap() > 10, "{output}");
}
