use crate::{Error, ErrorKind, client::Secret};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header of a token that can be one.
pub(super) fn authorization(name: &str, token: &Secret) -> Result<HeaderValue, Error> {
    let problem = |what: &str| Error::new(ErrorKind::Configuration, format!("{name} {what}"));
    let token = token.expose();
    if token.is_empty() {
        return Err(problem("is empty"));
    }
    if token.starts_with("http://") || token.starts_with("https://") {
        return Err(problem("is a URL: are the two swapped?"));
    }
    let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
        .ok()
        .filter(|_| !token.contains(|c: char| c.is_whitespace() || c == '"' || c == '\''))
        .ok_or_else(|| problem("contains white space, quotes or other characters that no token has"))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

/// The header of a user and a password.
#[cfg(feature = "kafka")]
pub(super) fn basic(name: &str, username: &str, password: &Secret) -> Result<HeaderValue, Error> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let problem = |what: &str| Error::new(ErrorKind::Configuration, format!("{name} {what}"));
    if password.expose().is_empty() {
        return Err(problem("is empty"));
    }
    let encoded = BASE64_STANDARD.encode(format!("{username}:{}", password.expose()));
    let mut authorization = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| problem("is too long"))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

/// How often a request was sent before.
pub(super) const TELEMETRY_RETRY: HeaderName = HeaderName::from_static("upstash-telemetry-retry");

/// Adds the headers by which Upstash counts its SDKs. They name the SDK and the platform, and nothing of the application.
pub(super) fn add_telemetry(headers: &mut HeaderMap) {
    let sdk = concat!("axum-upstash@v", env!("CARGO_PKG_VERSION"));
    headers.insert(HeaderName::from_static("upstash-telemetry-sdk"), HeaderValue::from_static(sdk));
    headers.insert(HeaderName::from_static("upstash-telemetry-runtime"), HeaderValue::from_static("rust"));
    let platform = if cfg!(target_arch = "wasm32") { "wasm" } else { std::env::consts::OS };
    headers.insert(HeaderName::from_static("upstash-telemetry-platform"), HeaderValue::from_static(platform));
}
