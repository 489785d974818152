use crate::{
    Error, ErrorKind,
    client::{RetryPolicy, Transport},
    env,
};
use std::{fmt, sync::Arc, time::Duration};

/// Whether the built-in HTTP client speaks TLS. In a browser or on an edge runtime the host does.
pub(super) const HAS_TLS: bool = cfg!(any(
    feature = "rustls",
    feature = "native-tls",
    feature = "rustls-no-provider",
    not(feature = "reqwest-0_13"),
    target_arch = "wasm32"
));

/// What a product's builder collects.
#[derive(Clone)]
pub(crate) struct RestConfig {
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Duration,
    pub(crate) telemetry: bool,
}

impl Default for RestConfig {
    fn default() -> Self {
        Self {
            transport: None,
            retry: RetryPolicy::default(),
            timeout: Duration::from_secs(10),
            telemetry: std::env::var_os(env::DISABLE_TELEMETRY.name).is_none_or(|value| value.is_empty()),
        }
    }
}

impl fmt::Debug for RestConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestConfig")
            .field("retry", &self.retry)
            .field("timeout", &self.timeout)
            .field("telemetry", &self.telemetry)
            .finish_non_exhaustive()
    }
}

#[cfg(target_arch = "wasm32")]
#[allow(clippy::unnecessary_wraps, reason = "the others may fail")]
pub(super) fn built_in() -> Result<Arc<dyn Transport>, Error> {
    Ok(Arc::new(crate::client::FetchTransport))
}

#[cfg(all(feature = "reqwest-0_13", not(target_arch = "wasm32")))]
pub(super) fn built_in() -> Result<Arc<dyn Transport>, Error> {
    let transport = crate::client::ReqwestTransport::from_defaults();
    let failed = |error| Error::new(ErrorKind::Configuration, "the HTTP client could not be set up").with_source(error);
    Ok(Arc::new(transport.map_err(failed)?))
}

#[cfg(all(not(feature = "reqwest-0_13"), not(target_arch = "wasm32")))]
pub(super) fn built_in() -> Result<Arc<dyn Transport>, Error> {
    let message = "there is no HTTP client: turn on the feature reqwest-0_13, or set a transport";
    Err(Error::new(ErrorKind::Configuration, message))
}
