use super::{
    config::{HAS_TLS, RestConfig, built_in},
    headers::{TELEMETRY_RETRY, add_telemetry, authorization},
    message::{RestRequest, RestResponse, RestStream, collect, from_transport},
};
use crate::{
    Error, ErrorKind,
    client::{BaseUrl, Secret, Transport, TransportBody, TransportError, TransportErrorKind, retry::Failure},
    problems::Problems,
    rt::{Deadline, sleep, timeout},
};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use std::{fmt, sync::Arc, time::Duration};

/// One product's end point: address, token, transport and the rules of sending.
#[derive(Clone)]
pub(crate) struct RestClient {
    inner: Arc<Inner>,
}

struct Inner {
    /// Or what has to be set before there is one.
    endpoint: Result<Endpoint, String>,
    config: RestConfig,
}

struct Endpoint {
    base: BaseUrl,
    /// The name of the setting that the token comes from.
    token_name: &'static str,
    headers: HeaderMap,
    transport: Arc<dyn Transport>,
}

impl RestClient {
    /// A client for the product at `url`. Problems call the two settings by their `names`.
    pub(crate) fn new(
        names: (&'static str, &'static str),
        url: &str,
        token: &Secret,
        config: RestConfig,
        problems: &mut Problems,
    ) -> Option<Self> {
        let authorization = authorization(names.1, token);
        Self::with_authorization(names, url, authorization, config, problems)
    }

    /// A client for a product with users. Problems call URL and password by their `names`.
    #[cfg(feature = "kafka")]
    pub(crate) fn with_user(
        names: (&'static str, &'static str),
        url: &str,
        (username, password): (&str, &Secret),
        config: RestConfig,
        problems: &mut Problems,
    ) -> Option<Self> {
        let authorization = super::headers::basic(names.1, username, password);
        Self::with_authorization(names, url, authorization, config, problems)
    }

    fn with_authorization(
        names: (&'static str, &'static str),
        url: &str,
        authorization: Result<HeaderValue, Error>,
        config: RestConfig,
        problems: &mut Problems,
    ) -> Option<Self> {
        let (url_name, token_name) = names;
        let base = problems.note(BaseUrl::parse(url_name, url));
        let transport = match &config.transport {
            Some(transport) => Some(Arc::clone(transport)),
            None => {
                if !HAS_TLS && base.as_ref().is_some_and(BaseUrl::is_https) {
                    problems.add(format!(
                        "{url_name} is https://, and no TLS is compiled in: turn on a feature of axum-upstash, rustls or \
                         native-tls, or set a transport"
                    ));
                }
                problems.note(built_in())
            }
        };
        let authorization = problems.note(authorization);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization?);
        if config.telemetry {
            add_telemetry(&mut headers);
        }
        let endpoint = Endpoint { base: base?, token_name, headers, transport: transport? };
        Some(Self { inner: Arc::new(Inner { endpoint: Ok(endpoint), config }) })
    }

    /// A client whose every call fails with what has to be set.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { endpoint: Err(reason.into()), config: RestConfig::default() }) }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.inner.endpoint.is_ok()
    }

    /// Whether the product runs on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.inner.endpoint.as_ref().is_ok_and(|endpoint| endpoint.base.is_loopback())
    }

    /// Names the setting to look at in an error about the token.
    pub(crate) fn explained(&self, error: Error) -> Error {
        let Ok(Endpoint { token_name, .. }) = &self.inner.endpoint else { return error };
        match error.kind() {
            ErrorKind::Unauthorized => error.with_remedy(format_args!("the token is not valid, see {token_name}")),
            ErrorKind::Forbidden => error.with_remedy(format_args!(
                "the token may not do this, see {token_name} (one that is read-only cannot write)"
            )),
            _ => error,
        }
    }

    /// How long a call may take that does not say it.
    pub(crate) fn timeout(&self) -> Duration {
        self.inner.config.timeout
    }

    /// The deadline of a call that begins now.
    pub(crate) fn deadline(&self, timeout: Option<Duration>) -> Deadline {
        Deadline::after(timeout.unwrap_or(self.inner.config.timeout))
    }

    /// The wait before the caller may send again after `error`, or `None` if the error is final.
    pub(crate) fn wait_after(&self, error: &Error) -> Option<Duration> {
        self.inner.config.retry.wait_after(error)
    }

    /// Sends, waits and sends again as the policy says. Any status is an answer; the caller interprets it.
    pub(crate) async fn send(&self, request: RestRequest) -> Result<RestResponse, Error> {
        self.send_counted(request, &mut 0).await
    }

    /// The same, and counts in `attempts` how often it was sent.
    pub(crate) async fn send_counted(&self, request: RestRequest, attempts: &mut u32) -> Result<RestResponse, Error> {
        let endpoint = self.endpoint()?;
        let deadline = request.deadline.unwrap_or_else(|| self.deadline(None));
        let mut attempt = 0;
        loop {
            *attempts += 1;
            let outcome = match timeout(deadline.remaining(), self.send_once(endpoint, &request, attempt)).await {
                Ok(outcome) => outcome,
                Err(_) => return Err(deadline.passed()),
            };
            let failure = match &outcome {
                Ok(response) if response.status.is_success() => return outcome.map_err(from_transport),
                Ok(response) => Failure::Status(response.status, &response.headers),
                Err(error) => Failure::Transport(error.kind()),
            };
            match self.inner.config.retry.wait(attempt, request.repeat, failure) {
                Some(wait) if wait < deadline.remaining() => sleep(wait).await,
                _ => return outcome.map_err(from_transport),
            }
            attempt += 1;
        }
    }

    /// Opens a stream. The deadline is for its beginning; it is not tried again.
    pub(crate) async fn open(&self, request: RestRequest) -> Result<RestStream, Error> {
        let endpoint = self.endpoint()?;
        let deadline = request.deadline.unwrap_or_else(|| self.deadline(None));
        match timeout(deadline.remaining(), self.begin(endpoint, &request, 0)).await {
            Ok(Ok(response)) => {
                let (head, body) = response.into_parts();
                Ok(RestStream { version: head.version, status: head.status, headers: head.headers, body })
            }
            Ok(Err(error)) => Err(from_transport(error)),
            Err(_) => Err(deadline.passed()),
        }
    }

    /// The address, and the token, for products that show parts of them to others.
    #[cfg(feature = "workflow")]
    pub(crate) fn address(&self) -> Result<(&str, &str), Error> {
        let Endpoint { base, headers, .. } = self.endpoint()?;
        let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok((base.as_str(), token.strip_prefix("Bearer ").unwrap_or_default()))
    }

    fn endpoint(&self) -> Result<&Endpoint, Error> {
        self.inner.endpoint.as_ref().map_err(|reason| Error::new(ErrorKind::Configuration, reason.clone()))
    }

    async fn send_once(
        &self,
        endpoint: &Endpoint,
        request: &RestRequest,
        attempt: u32,
    ) -> Result<RestResponse, TransportError> {
        let (head, body) = self.begin(endpoint, request, attempt).await?.into_parts();
        let body = collect(body).await?;
        Ok(RestResponse { version: head.version, status: head.status, headers: head.headers, body })
    }

    /// Sends, and waits for the head of the answer.
    async fn begin(
        &self,
        endpoint: &Endpoint,
        request: &RestRequest,
        attempt: u32,
    ) -> Result<http::Response<TransportBody>, TransportError> {
        let mut message = http::Request::new(request.body.clone());
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = format!("{}{}", endpoint.base.as_str(), request.path)
            .parse()
            .map_err(|error: http::uri::InvalidUri| TransportError::new(TransportErrorKind::Request, error))?;
        let headers = message.headers_mut();
        *headers = endpoint.headers.clone();
        headers.extend(request.headers.clone());
        if attempt > 0 && self.inner.config.telemetry {
            headers.insert(TELEMETRY_RETRY, HeaderValue::from(attempt));
        }
        endpoint.transport.send(message).await
    }
}

impl fmt::Debug for RestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.inner.endpoint.as_ref().map(|endpoint| endpoint.base.as_str());
        f.debug_struct("RestClient").field("url", &url).field("config", &self.inner.config).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Repeat;
    use bytes::Bytes;
    use futures_core::future::BoxFuture;
    use http::Method;
    use http_body_util::{BodyExt, Full};
    use std::sync::Mutex;
    use tokio::time::Instant;

    /// What happens to each request in turn.
    #[derive(Debug)]
    enum Act {
        Answer(u16, Option<&'static str>),
        Fail(TransportErrorKind),
        Hang,
    }

    /// Plays its acts, the last one forever, and keeps the requests.
    #[derive(Clone, Default)]
    struct Script {
        acts: Arc<Mutex<Vec<Act>>>,
        requests: Arc<Mutex<Vec<http::Request<Bytes>>>>,
    }

    impl Transport for Script {
        fn send(
            &self,
            request: http::Request<Bytes>,
        ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
            self.requests.lock().unwrap().push(request);
            let act = self.acts.lock().unwrap().pop().unwrap_or(Act::Hang);
            Box::pin(async move {
                match act {
                    Act::Answer(status, retry_after) => {
                        let mut response = http::Response::builder().status(status);
                        if let Some(value) = retry_after {
                            response = response.header("retry-after", value);
                        }
                        let body = Full::new(Bytes::from_static(b"{}")).map_err(|never| match never {});
                        Ok(response.body(body.boxed_unsync()).unwrap())
                    }
                    Act::Fail(kind) => Err(TransportError::new(kind, "as the test says")),
                    Act::Hang => std::future::pending().await,
                }
            })
        }
    }

    /// A TLS feature that another crate turns on does not count: this crate cannot see it.
    #[test]
    fn an_https_address_needs_a_tls_feature() {
        let build = |url| {
            Problems::collect(|problems| {
                RestClient::new(("URL", "TOKEN"), url, &Secret::new("t"), RestConfig::default(), problems)
            })
        };
        let has_tls = HAS_TLS;
        let error = build("https://x.upstash.io").err().map(|error| error.to_string());
        assert_eq!(error.is_none(), has_tls, "{error:?}");
        assert!(error.is_none_or(|error| error.starts_with("URL is https://") && error.contains("rustls")));
        assert!(build("http://127.0.0.1:1").is_ok());
    }

    /// The outcome, how many requests it took, and how much time.
    async fn play<const N: usize>(acts: [Act; N], repeat: Repeat) -> (Result<u16, ErrorKind>, usize, Duration) {
        let script = Script::default();
        script.acts.lock().unwrap().extend(acts.into_iter().rev());
        let config = RestConfig { transport: Some(Arc::new(script.clone())), ..RestConfig::default() };
        let (url, token) = ("https://example.com", Secret::new("s3cret"));
        let client =
            Problems::collect(|problems| RestClient::new(("URL", "TOKEN"), url, &token, config, problems)).unwrap();
        assert!(!format!("{client:?}").contains("s3cret"));
        let begun = Instant::now();
        let outcome = client
            .send(RestRequest {
                method: Method::POST,
                path: "/".into(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
                repeat,
                deadline: None,
            })
            .await;
        let requests = script.requests.lock().unwrap();
        assert!(requests.iter().all(|request| {
            request.headers()[AUTHORIZATION] == "Bearer s3cret" && request.headers()[AUTHORIZATION].is_sensitive()
        }));
        let outcome = outcome.map(|response| response.status.as_u16()).map_err(|error| error.kind());
        (outcome, requests.len(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_holds_over_attempts_and_waits() {
        let (outcome, requests, took) = play([], Repeat::Safe).await;
        assert_eq!((outcome, requests), (Err(ErrorKind::Timeout), 1));
        assert_eq!(took, Duration::from_secs(10));

        let (outcome, requests, took) =
            play([Act::Answer(503, Some("4")), Act::Answer(503, Some("4"))], Repeat::Safe).await;
        assert_eq!((outcome, requests), (Err(ErrorKind::Timeout), 3));
        assert_eq!(took, Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_waited_for_and_one_beyond_the_deadline_is_not() {
        let (outcome, requests, took) =
            play([Act::Answer(429, Some("3")), Act::Answer(200, None)], Repeat::IfNotSent).await;
        assert_eq!((outcome, requests, took), (Ok(200), 2, Duration::from_secs(3)));
        let (outcome, requests, took) = play([Act::Answer(429, Some("11"))], Repeat::Safe).await;
        assert_eq!((outcome, requests, took), (Ok(429), 1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_arrived_is_repeated_only_where_that_is_safe() {
        for (act, safe, unsafe_) in [
            (TransportErrorKind::Connect, (Ok(200), 2), (Ok(200), 2)),
            (TransportErrorKind::Interrupted, (Ok(200), 2), (Err(ErrorKind::Interrupted), 1)),
        ] {
            for (repeat, wanted) in [(Repeat::Safe, safe), (Repeat::IfNotSent, unsafe_)] {
                let (outcome, requests, _) = play([Act::Fail(act), Act::Answer(200, None)], repeat).await;
                assert_eq!((outcome, requests), wanted, "{act:?} {repeat:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_gives_up_after_three_retries() {
        let fail = || Act::Fail(TransportErrorKind::Connect);
        let (outcome, requests, took) =
            play([fail(), fail(), fail(), fail(), Act::Answer(200, None)], Repeat::Safe).await;
        assert_eq!((outcome, requests), (Err(ErrorKind::Connect), 4));
        assert!(took <= Duration::from_millis(50 + 100 + 200), "{took:?}");
    }
}
