use super::{Destination, Message, error::from_response};
use crate::{
    Clock, Error, ErrorKind,
    client::{Repeat, RestClient, RestConfig, RestRequest, Secret},
    problems::Problems,
};
use bytes::Bytes;
use http::{HeaderMap, Method};
use std::fmt;

/// Messages are kept in a region; this one is the default of the official SDKs.
const DEFAULT_URL: &str = "https://qstash.upstash.io";

const OPERATION: &str = "qstash publish";

/// Publishes messages through QStash. Cloning is cheap, and clones share everything.
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
#[derive(Clone)]
pub struct QStashClient {
    rest: RestClient,
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
#[derive(Debug, Clone)]
#[must_use]
pub struct QStashClientBuilder {
    url: String,
    token: Secret,
    names: (&'static str, &'static str),
    rest: RestConfig,
}

impl QStashClientBuilder {
    /// The address of the region that the token is of (`https://qstash.upstash.io`).
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    rest_setters!();
    named_setters!();

    /// Checks the settings and sets up the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the URL or the token cannot be right.
    pub fn build(self) -> Result<QStashClient, Error> {
        Problems::collect(|problems| self.build_into(problems))
    }

    /// The same with the problems of other clients.
    pub(crate) fn build_into(self, problems: &mut Problems) -> Option<QStashClient> {
        let rest = RestClient::new(self.names, without_publish(&self.url), &self.token, self.rest, problems)?;
        Some(QStashClient { rest })
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
    /// [`ErrorKind::Configuration`] if the token cannot be right.
    pub fn new(token: impl Into<String>) -> Result<Self, Error> {
        Self::builder(token).build()
    }

    /// Sets up a client with settings of its own.
    pub fn builder(token: impl Into<String>) -> QStashClientBuilder {
        QStashClientBuilder {
            url: DEFAULT_URL.to_owned(),
            token: Secret::new(token),
            names: ("the QStash URL", "the QStash token"),
            rest: RestConfig::default(),
        }
    }

    /// A client whose every call fails with what has to be set.
    pub(crate) fn not_configured(reason: impl Into<String>) -> Self {
        Self { rest: RestClient::not_configured(reason) }
    }

    /// Whether QStash answers and accepts the token. `None` if there is no token.
    pub(crate) async fn check(&self) -> Option<Result<(), Error>> {
        if !self.rest.is_configured() {
            return None;
        }
        let request = RestRequest {
            method: Method::GET,
            path: "/v2/keys".into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            repeat: Repeat::Safe,
            deadline: None,
        };
        Some(match self.rest.send(request).await {
            Ok(response) if response.status.is_success() => Ok(()),
            Ok(response) => Err(self.rest.explained(from_response(&response, &Clock::system()))),
            Err(error) => Err(error),
        })
    }

    /// Hands a message over to QStash, which delivers it.
    ///
    /// A message to a URL answers with one [`Published`](super::Published), one to a URL group with one for each
    /// endpoint.
    ///
    /// Publishing twice makes two messages, so only what provably never left is sent again, unless the message has a
    /// [`deduplication_id`](Message::deduplication_id).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the message has a value that cannot be sent; then nothing was sent.
    /// [`ErrorKind::Unauthorized`], [`ErrorKind::RateLimited`], [`ErrorKind::LimitExceeded`] and [`ErrorKind::Refused`]
    /// if QStash did not take the message; [`Error::is_outage`] if QStash could not be reached.
    pub async fn publish<D: Destination>(&self, message: Message<D>) -> Result<D::Published, Error> {
        let describe = |error: Error| error.with_operation(OPERATION);
        let message = message.checked().map_err(describe)?;
        let request = RestRequest {
            method: Method::POST,
            path: message.path.into(),
            headers: message.headers,
            body: message.body,
            repeat: if message.deduplicated { Repeat::Safe } else { Repeat::IfNotSent },
            deadline: None,
        };
        let response = self.rest.send(request).await.map_err(describe)?;
        if !response.status.is_success() {
            return Err(describe(self.rest.explained(from_response(&response, &Clock::system()))));
        }
        serde_json::from_slice(&response.body).map_err(|error| {
            let problem = Error::new(ErrorKind::Decode, "the answer is not one of QStash to a publish");
            describe(problem.with_status(response.status).with_source(format!(
                "{:?} at byte {}",
                error.classify(),
                error.column()
            )))
        })
    }
}

impl fmt::Debug for QStashClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("QStashClient").field(&self.rest).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
