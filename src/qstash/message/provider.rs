//! Destinations that are other services: the provider's address, and its credentials as headers that QStash forwards.

use super::{callback::Callback, destination::ToUrl, message::Message};
use crate::client::Secret;

/// A language model to send prompts to, with the credentials that QStash forwards to it.
///
/// The model's answer goes to a callback, so [`Message::to_llm`] takes one. The body is the provider's JSON.
///
/// ```
/// use axum_upstash::qstash::{LlmProvider, Message};
///
/// let openai = LlmProvider::openai("api-key").with_organization("org-17");
/// let message = Message::to_llm(&openai, "https://app.example.com/answers").json(&serde_json::json!({
///     "model": "gpt-4o",
///     "messages": [{"role": "user", "content": "What is a tower layer?"}],
/// }));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LlmProvider {
    url: String,
    key: Key,
    organization: Option<Secret>,
}

#[derive(Debug, Clone)]
enum Key {
    Bearer(Secret),
    Anthropic(Secret),
}

impl LlmProvider {
    /// OpenAI's chat completions (`https://api.openai.com/v1/chat/completions`).
    pub fn openai(api_key: impl Into<String>) -> Self {
        Self::new("https://api.openai.com/v1/chat/completions", Key::Bearer(Secret::new(api_key)))
    }

    /// Anthropic's messages (`https://api.anthropic.com/v1/messages`, version `2023-06-01`).
    pub fn anthropic(api_key: impl Into<String>) -> Self {
        Self::new("https://api.anthropic.com/v1/messages", Key::Anthropic(Secret::new(api_key)))
    }

    /// A service that speaks OpenAI's protocol. `/v1/chat/completions` is added to its address, unless it is there.
    pub fn custom(base_url: impl AsRef<str>, api_key: impl Into<String>) -> Self {
        let base = base_url.as_ref().trim_end_matches('/');
        let base = base.strip_suffix("/chat/completions").unwrap_or(base);
        let base = base.strip_suffix("/v1").unwrap_or(base).trim_end_matches('/');
        Self::new(&format!("{base}/v1/chat/completions"), Key::Bearer(Secret::new(api_key)))
    }

    /// The organization that OpenAI bills (`OpenAI-Organization`).
    pub fn with_organization(mut self, organization: impl Into<String>) -> Self {
        self.organization = Some(Secret::new(organization));
        self
    }

    fn new(url: &str, key: Key) -> Self {
        Self { url: url.to_owned(), key, organization: None }
    }

    #[cfg(feature = "workflow")]
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The headers that the provider requires.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = match &self.key {
            Key::Bearer(key) => vec![bearer(key)],
            Key::Anthropic(key) => {
                vec![("x-api-key", key.expose().to_owned()), ("anthropic-version", "2023-06-01".to_owned())]
            }
        };
        let organization = self.organization.as_ref();
        headers.extend(organization.map(|name| ("openai-organization", name.expose().to_owned())));
        headers
    }
}

/// A service that sends e-mail, with the credentials that QStash forwards to it.
///
/// ```
/// use axum_upstash::qstash::{EmailProvider, Message};
///
/// let message = Message::to_email(&EmailProvider::resend("api-key")).json(&serde_json::json!({
///     "from": "shop@example.com",
///     "to": "ada@example.com",
///     "subject": "Your receipt",
///     "text": "Thank you.",
/// }));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct EmailProvider {
    url: &'static str,
    key: Secret,
}

impl EmailProvider {
    /// Resend, one mail for each message (`https://api.resend.com/emails`).
    pub fn resend(api_key: impl Into<String>) -> Self {
        Self { url: "https://api.resend.com/emails", key: Secret::new(api_key) }
    }

    /// Resend, a list of mails for each message (`https://api.resend.com/emails/batch`).
    pub fn resend_batch(api_key: impl Into<String>) -> Self {
        Self { url: "https://api.resend.com/emails/batch", key: Secret::new(api_key) }
    }

    #[cfg(feature = "workflow")]
    pub(crate) fn url(&self) -> &str {
        self.url
    }

    /// The headers that the provider requires.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        vec![bearer(&self.key)]
    }
}

fn bearer(key: &Secret) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", key.expose()))
}

impl Message<ToUrl> {
    /// A prompt to a language model, whose answer goes to the callback.
    ///
    /// A header that is set on the message replaces the provider's of that name.
    pub fn to_llm(provider: &LlmProvider, callback: impl Into<Callback>) -> Self {
        Self::to_url(&provider.url).callback(callback).with_defaults(provider.headers())
    }

    /// A mail, or a list of them.
    ///
    /// A header that is set on the message replaces the provider's of that name.
    pub fn to_email(provider: &EmailProvider) -> Self {
        Self::to_url(provider.url).with_defaults(provider.headers())
    }

    fn with_defaults(mut self, headers: Vec<(&'static str, String)>) -> Self {
        self.options.default_header("content-type", "application/json");
        for (name, value) in headers {
            self.options.default_header(&format!("upstash-forward-{name}"), &value);
        }
        self
    }
}
