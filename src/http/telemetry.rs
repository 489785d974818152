use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const RETRY: HeaderName = HeaderName::from_static("upstash-telemetry-retry");

/// Adds the headers by which Upstash counts its SDKs: name and version, nothing of the application.
pub(crate) fn add(headers: &mut HeaderMap) {
    let sdk = concat!("axum-upstash@v", env!("CARGO_PKG_VERSION"));
    headers.insert(HeaderName::from_static("upstash-telemetry-sdk"), HeaderValue::from_static(sdk));
    headers.insert(HeaderName::from_static("upstash-telemetry-runtime"), HeaderValue::from_static("rust"));
    let platform = if cfg!(target_arch = "wasm32") { "wasm" } else { std::env::consts::OS };
    headers.insert(HeaderName::from_static("upstash-telemetry-platform"), HeaderValue::from_static(platform));
}
