//! The signature of a delivery: a JSON Web Token over destination and body.

use base64::{
    Engine as _,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ids;

/// The service's `nbf`: the zero time of Go.
const NOT_BEFORE: i64 = -62_135_596_800;
/// The seconds for which a signature holds.
const LIFETIME: u64 = 300;
/// `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The claims, in the order in which the service writes them.
#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    body: String,
    exp: u64,
    iat: u64,
    iss: &'a str,
    jti: String,
    nbf: i64,
    sub: &'a str,
}

/// The value of `Upstash-Signature` for a delivery to `url` at `now_s`, in seconds since the epoch.
pub(crate) fn sign(key: &str, url: &str, body: &[u8], now_s: u64) -> String {
    let claims = Claims {
        aud: "",
        body: URL_SAFE.encode(Sha256::digest(body)),
        exp: now_s + LIFETIME,
        iat: now_s,
        iss: "Upstash",
        jti: ids::token_id(),
        nbf: NOT_BEFORE,
        sub: url,
    };
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap_or_default());
    let signed = format!("{HEADER}.{payload}");
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return signed };
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
