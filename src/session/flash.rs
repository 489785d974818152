use super::{Session, SessionError};
use serde::{Deserialize, Serialize};

/// The attribute that messages wait in.
const NAME: &str = "flash";

/// A message for the next page that the user sees: after a form was sent, and the browser redirected.
///
/// ```
/// use axum_upstash::session::{Flash, Session, SessionError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// async fn save(session: Session) -> Result<(), SessionError> {
///     session.flash(Flash::new("success", "Saved.")).await
/// }
///
/// async fn next_page(session: Session) -> Result<String, SessionError> {
///     let messages = session.take_flashes().await?;
///     Ok(messages.into_iter().map(|message| message.text).collect())
/// }
/// # let _ = (save, next_page);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Flash {
    /// The kind of message, such as `success` or `error`.
    pub level: String,
    /// The message itself.
    pub text: String,
}

impl Flash {
    /// A message.
    pub fn new(level: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: level.into(), text: text.into() }
    }
}

impl Session {
    /// Leaves a message for the next page. It waits in the attribute `flash`, until it is [taken](Self::take_flashes).
    ///
    /// ```
    /// use axum::response::Redirect;
    /// use axum_upstash::session::{Flash, Session, SessionError};
    ///
    /// async fn save(session: Session) -> Result<Redirect, SessionError> {
    ///     session.flash(Flash::new("success", "Saved.")).await?;
    ///     Ok(Redirect::to("/"))
    /// }
    ///
    /// async fn page(session: Session) -> Result<String, SessionError> {
    ///     let messages = session.take_flashes().await?;
    ///     Ok(messages.into_iter().map(|flash| flash.text).collect())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn flash(&self, message: Flash) -> Result<(), SessionError> {
        let mut messages: Vec<Flash> = self.get(NAME).await?.unwrap_or_default();
        messages.push(message);
        self.insert(NAME, messages).await
    }

    /// The messages for this page, which are forgotten with it.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub async fn take_flashes(&self) -> Result<Vec<Flash>, SessionError> {
        let messages: Vec<Flash> = self.get(NAME).await?.unwrap_or_default();
        if !messages.is_empty() {
            self.remove(NAME).await?;
        }
        Ok(messages)
    }
}
