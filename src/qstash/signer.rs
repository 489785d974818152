use super::{hs256::Hs256, keys::signing_key};
use crate::{Clock, Error, rt::random_u64};
use base64::{
    Engine,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fmt;

/// `nbf` in production: the zero time of Go.
const YEAR_ONE: i64 = -62_135_596_800;

/// Signs requests the way QStash does, for the tests of an application.
///
/// ```
/// use axum::{Json, Router, body::Body, http::Request, routing::post};
/// use axum_upstash::qstash::{QStash, Receiver, Signer};
/// use tower::ServiceExt;
///
/// async fn add(QStash(Json((a, b))): QStash<Json<(u32, u32)>>) -> String {
///     (a + b).to_string()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app: Router = Router::new().route("/add", post(add)).with_state(Receiver::new("sig_a", "sig_b")?);
///
/// let body = "[1, 2]";
/// let request = |signature: String| {
///     Request::post("/add")
///         .header("content-type", "application/json")
///         .header("upstash-signature", signature)
///         .body(Body::from(body))
/// };
/// let url = "https://app.example.com/add";
///
/// let signature = Signer::new("sig_a")?.sign(url, body);
/// assert_eq!(app.clone().oneshot(request(signature)?).await?.status(), 200);
///
/// let forged = Signer::new("sig_of_somebody_else")?.sign(url, body);
/// assert_eq!(app.oneshot(request(forged)?).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
///
/// Tokens look as in production: an empty `aud`, `nbf` in the year 1, a padded hash of the body, valid for five
/// minutes. The setters make wrong ones.
#[derive(Clone)]
#[must_use]
pub struct Signer {
    key: Hs256,
    clock: Clock,
    header: Value,
    changes: Map<String, Value>,
    without: Vec<String>,
}

impl Signer {
    /// Signs with this key.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if it is empty or contains white space or
    /// quotes.
    pub fn new(key: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self {
            key: signing_key("the signing key", key.as_ref())?,
            clock: Clock::system(),
            header: json!({"alg": "HS256", "typ": "JWT"}),
            changes: Map::new(),
            without: Vec::new(),
        })
    }

    /// Takes `iat` and `exp` from `clock`.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Writes this instead of the claim's right value, or adds the claim.
    pub fn with_claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.changes.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves the claim out.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.without.push(name.to_owned());
        self
    }

    /// Writes this into the token's header as its algorithm. The signature remains HS256.
    pub fn with_algorithm_header(mut self, algorithm: &str) -> Self {
        self.header = json!({"alg": algorithm, "typ": "JWT"});
        self
    }

    /// The value of the `Upstash-Signature` header for this destination and body.
    #[must_use]
    pub fn sign(&self, url: &str, body: impl AsRef<[u8]>) -> String {
        let now = self.clock.now_ms() / 1000;
        let mut claims = Map::from_iter([
            ("aud".to_owned(), Value::from("")),
            ("body".to_owned(), URL_SAFE.encode(Sha256::digest(body.as_ref())).into()),
            ("exp".to_owned(), now.saturating_add(300).into()),
            ("iat".to_owned(), now.into()),
            ("iss".to_owned(), "Upstash".into()),
            ("jti".to_owned(), token_id().into()),
            ("nbf".to_owned(), YEAR_ONE.into()),
            ("sub".to_owned(), url.into()),
        ]);
        claims.extend(self.changes.clone());
        claims.retain(|name, _| !self.without.contains(name));
        token(&self.key, &self.header, &Value::Object(claims))
    }
}

/// Header and claims, whatever they are, with a signature that is right.
pub(super) fn token(key: &Hs256, header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let tag = URL_SAFE_NO_PAD.encode(key.tag(message.as_bytes()));
    format!("{message}.{tag}")
}

fn token_id() -> String {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let letters = (0..28).map(|_| char::from(ALPHABET[(random_u64() % 62) as usize]));
    "jwt_".chars().chain(letters).collect()
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &"REDACTED").field("clock", &self.clock).finish_non_exhaustive()
    }
}
