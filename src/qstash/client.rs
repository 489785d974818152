use super::{
    bulk::Bulk,
    call::{Answer, Call, Caller},
    message,
    region::Region,
};
use crate::{
    Error,
    client::{RestClient, RestConfig, Secret},
    problems::Problems,
};
use http::{HeaderMap, HeaderName, Method};
use std::{fmt, sync::Arc};

/// Messages are kept in a region; this one is the default of the official SDKs.
const DEFAULT_URL: &str = "https://qstash.upstash.io";

/// Publishes messages through QStash, and manages what QStash keeps. Cloning is cheap, and clones share everything.
///
/// ```no_run
/// use axum_upstash::qstash::{Message, QStashClient};
///
/// # async fn run() -> Result<(), axum_upstash::Error> {
/// let qstash = QStashClient::new("token")?;
///
/// let receipt = Message::to_url("https://app.example.com/webhooks/receipt").json(&serde_json::json!({"order": 17}));
/// println!("{}", qstash.publish(receipt).await?.message_id);
///
/// // Each endpoint of a URL group gets a message of its own.
/// for published in qstash.publish(Message::to_url_group("receipts").body("17")).await? {
///     println!("{} to {:?}", published.message_id, published.url);
/// }
/// # Ok(())
/// # }
/// ```
///
/// | to | use |
/// |---|---|
/// | hand over one message, or several | [`publish`](Self::publish), [`batch`](Self::batch) |
/// | have messages delivered one after the other | [`queue`](Self::queue), [`queues`](Self::queues) |
/// | have a message published again and again | [`schedules`](Self::schedules) |
/// | look at messages that are under way, and cancel them | [`messages`](Self::messages) |
/// | look at messages that failed, and retry or delete them | [`dlq`](Self::dlq) |
/// | read what became of messages | [`logs`](Self::logs) |
/// | change the endpoints of a URL group | [`url_groups`](Self::url_groups) |
/// | look at, pause and pin limits of delivery | [`flow_control`](Self::flow_control) |
/// | read and roll the keys that sign deliveries | [`signing_keys`](Self::signing_keys) |
#[derive(Clone)]
pub struct QStashClient {
    caller: Caller,
}

/// A request of a product that stands on QStash.
#[cfg(feature = "workflow")]
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RawRequest {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: bytes::Bytes,
    /// Whether sending it twice changes nothing.
    pub(crate) is_repeatable: bool,
}

/// Sets up a [`QStashClient`].
///
/// ```
/// use axum_upstash::{client::RetryPolicy, qstash::QStashClient};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = QStashClient::builder("token").url("https://qstash-eu.example.com").retry(RetryPolicy::never()).build()?;
/// assert!(QStashClient::builder("").build().is_err());
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct QStashClientBuilder {
    url: String,
    token: Secret,
    names: (&'static str, &'static str),
    headers: HeaderMap,
    problem: Option<Error>,
    rest: RestConfig,
}

impl QStashClientBuilder {
    /// The address of the region that the token is of (`https://qstash.upstash.io`).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Sets the address to that of a region. Tokens, messages and signing keys belong to one region.
    pub fn region(self, region: Region) -> Self {
        self.url(region.url())
    }

    /// A header of every message that does not set it itself: for the destination, or, if its name begins with `Upstash-`, an
    /// option.
    ///
    /// ```
    /// use axum_upstash::qstash::QStashClient;
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let qstash = QStashClient::builder("token").message_header("Upstash-Label", "shop").build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn message_header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        let header = message::header(name.as_ref(), value.as_ref());
        let added = header.and_then(|(name, value)| message::append(&mut self.headers, name, value));
        if let Err(problem) = added {
            self.problem.get_or_insert(problem);
        }
        self
    }

    rest_setters!();
    named_setters!();

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the URL or the token cannot be right.
    pub fn build(self) -> Result<QStashClient, Error> {
        Problems::collect(|problems| self.build_into(problems))
    }

    /// The same with the problems of other clients.
    pub(crate) fn build_into(self, problems: &mut Problems) -> Option<QStashClient> {
        if let Some(problem) = self.problem {
            problems.add(problem.message());
        }
        let rest = RestClient::new(self.names, without_publish(&self.url), &self.token, self.rest, problems)?;
        Some(QStashClient { caller: Caller { rest, message_headers: Arc::new(self.headers) } })
    }
}

/// The address without the path of the publish call, which the console shows and people paste.
fn without_publish(url: &str) -> &str {
    let plain = url.trim_end_matches('/');
    plain.strip_suffix("/v2/publish").or_else(|| plain.strip_suffix("/v2")).unwrap_or(url)
}

impl QStashClient {
    /// A client for the default region, with its token.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the token cannot be right.
    pub fn new(token: impl Into<String>) -> Result<Self, Error> {
        Self::builder(token).build()
    }

    /// Sets up a client with settings of its own.
    pub fn builder(token: impl Into<String>) -> QStashClientBuilder {
        QStashClientBuilder {
            url: DEFAULT_URL.to_owned(),
            token: Secret::new(token),
            names: ("the QStash URL", "the QStash token"),
            headers: HeaderMap::new(),
            problem: None,
            rest: RestConfig::default(),
        }
    }

    /// A client whose every call fails with what has to be set.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self { caller: Caller { rest: RestClient::not_configured(reason), message_headers: Arc::default() } }
    }

    /// Whether QStash answers and accepts the token. `None` if there is no token.
    pub(crate) async fn check(&self) -> Option<Result<(), Error>> {
        if !self.caller.rest.is_configured() {
            return None;
        }
        let answer = self.caller.send(Call::get("qstash check", "/v2/keys")).await;
        Some(answer.map(drop))
    }

    /// The address, and the id of the user, which the token has in it.
    #[cfg(feature = "workflow")]
    pub(crate) fn account(&self) -> Result<(String, String), Error> {
        let (url, token) = self.caller.rest.address()?;
        let user = || {
            let token = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, token).ok()?;
            let token: serde_json::Value = serde_json::from_slice(&token).ok()?;
            Some(token["UserID"].as_str()?.to_owned())
        };
        let nobody = || Error::new(crate::ErrorKind::Configuration, "the QStash token does not name a user");
        Ok((url.to_owned(), user().ok_or_else(nobody)?))
    }

    /// Sends a request as it is.
    #[cfg(feature = "workflow")]
    pub(crate) async fn raw(&self, request: RawRequest) -> Result<Answer, Error> {
        let RawRequest { operation, method, path, headers, body, is_repeatable } = request;
        let call = Call::new(operation, method, path).headers(headers).body(body).repeatable_if(is_repeatable);
        self.caller.send(call).await
    }

    /// A call for many dead letters of workflows.
    #[cfg(feature = "workflow")]
    pub(crate) fn bulk(&self, operation: &'static str, method: Method, path: String, headers: HeaderMap) -> Bulk<'_> {
        Bulk { caller: &self.caller, operation, method, path, headers }
    }

    /// Entries of a list of workflows.
    #[cfg(feature = "workflow")]
    pub(crate) fn listing<T: super::wire::FromWire>(
        &self,
        operation: &'static str,
        path: &'static str,
        name: &'static [&'static str],
        query: super::query::Query,
    ) -> super::Listing<T> {
        super::Listing::new(&self.caller, operation, path, name, query)
    }

    /// Options as headers, without those of every message.
    #[cfg(feature = "workflow")]
    pub(crate) fn option_headers(&self, options: &super::DeliveryOptions) -> Result<HeaderMap, Error> {
        let caller = Caller { message_headers: std::sync::Arc::default(), ..self.caller.clone() };
        options.options.clone().into_headers(&caller)
    }

    /// Sends the calls of this client.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl fmt::Debug for QStashClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("QStashClient").field(&self.caller.rest).finish()
    }
}

impl fmt::Debug for QStashClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QStashClientBuilder")
            .field("url", &self.url)
            .field("message_headers", &self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("rest", &self.rest)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qstash::Message;

    #[test]
    fn a_pasted_publish_address_is_repaired() {
        for (given, kept) in [
            ("https://qstash.upstash.io/v2/publish", "https://qstash.upstash.io"),
            ("https://qstash.upstash.io/v2/publish/", "https://qstash.upstash.io"),
            ("https://qstash-us-east-1.upstash.io/v2/", "https://qstash-us-east-1.upstash.io"),
            ("http://127.0.0.1:8080/prefix", "http://127.0.0.1:8080/prefix"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ] {
            assert_eq!(without_publish(given), kept);
        }
    }

    #[test]
    fn a_publish_can_be_spawned() {
        fn assert_send<T: Send>(_: T) {}
        let client = QStashClient::new("token").unwrap();
        assert_send(client.publish(Message::to_url("https://example.com/")));
        assert_send(client.publish(Message::to_url_group("group")));
        let logs = client.logs().list(crate::qstash::LogFilter::new());
        assert_send(async move { logs.page().await });
    }

    #[test]
    fn headers_of_all_messages_are_checked() {
        let error = QStashClient::builder("token").message_header("a b", "secret").build().unwrap_err();
        assert!(error.to_string().contains("header") && !error.to_string().contains("secret"), "{error}");
        let builder = QStashClient::builder("secret").message_header("x-key", "secret");
        let shown = format!("{builder:?}");
        assert!(shown.contains("upstash-forward-x-key") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn settings_are_checked_by_name_and_the_token_is_not_shown() {
        let builder = || QStashClient::builder("secret token").names("SOME_URL", "SOME_TOKEN");
        let error = builder().build().unwrap_err();
        assert!(error.to_string().starts_with("SOME_TOKEN ") && !error.to_string().contains("secret"), "{error}");
        let error = builder().url("secret.example").build().unwrap_err();
        assert!(error.to_string().starts_with("2 problems:\n  SOME_URL ") && !error.to_string().contains("secret"));
        let client = QStashClient::builder("secret").rest(RestConfig::default());
        assert!(!format!("{client:?} {:?}", client.clone().build().unwrap()).contains("secret"));
    }
}
