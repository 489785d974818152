use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{CallbackBody, Claims, Cron, KeyUsed, LimitReached, Metadata, Receiver, RetryDelay, hs256::Hs256};
use crate::Clock;

const KEY: &str = "sig_key";

/// Verifies a token as it is, and one whose header and claims are the first two lines, with a signature that is right.
pub(crate) fn token(bytes: &[u8]) {
    let Ok(receiver) = Receiver::new(KEY, "sig_next") else { return };
    if let Ok(token) = std::str::from_utf8(bytes) {
        assert!(receiver.verify(token, b"").is_err(), "nothing here signs");
    }
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (header, claims, body) = (line(), line(), line());
    let Ok(key) = Hs256::new(KEY) else { return };
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(key.tag(message.as_bytes())));
    if let Ok(verified) = receiver.verify(&token, body) {
        check(&verified, claims, body);
    }
}

/// Claims that were accepted are those that were signed, and about the body.
fn check(verified: &Claims, claims: &[u8], body: &[u8]) {
    let signed: Value = serde_json::from_slice(claims).unwrap_or_default();
    assert_eq!(signed["iss"], "Upstash");
    assert_eq!(signed["sub"], verified.subject.as_str());
    let hash = signed["body"].as_str().unwrap_or_default().trim_end_matches('=');
    assert_eq!(hash, URL_SAFE_NO_PAD.encode(Sha256::digest(body)));
}

/// Reads a callback. It is the same when it is read from a value.
pub(crate) fn callback(bytes: &[u8]) {
    let read = serde_json::from_slice::<CallbackBody>(bytes);
    let value = serde_json::from_slice::<Value>(bytes).and_then(serde_json::from_value::<CallbackBody>);
    assert_eq!(read.is_ok(), value.is_ok());
}

/// Reads the fields of a delivery, and those of a response.
pub(crate) fn fields(fields: &HeaderMap) {
    let claims = Claims {
        issuer: String::new(),
        subject: String::new(),
        expires_at: 0,
        not_before: None,
        issued_at: None,
        token_id: None,
        key: KeyUsed::Current,
    };
    let _ = Metadata::new(fields, claims);
    let _ = LimitReached::of_response(StatusCode::TOO_MANY_REQUESTS, fields, &Clock::system());
}

/// Checks texts of a message before it is sent. An expression that is taken is sent as it is.
pub(crate) fn text(text: &str) {
    if let Ok(cron) = Cron::new(text) {
        assert_eq!(cron.as_str(), text.trim());
    }
    if let Ok(delay) = RetryDelay::try_expression(text) {
        assert_eq!(delay.expression(), text);
    }
}
