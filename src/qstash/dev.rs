//! The fixed account of QStash's development server. It is public and the same in every such server.

use super::{QStashClient, QStashClientBuilder, Receiver};
use crate::{Error, problems::Problems};

/// The port of the development server, if no other is set.
pub(crate) const DEFAULT_PORT: u16 = 8080;

/// The first of the server's four users.
const TOKEN: &str = "eyJVc2VySUQiOiJkZWZhdWx0VXNlciIsIlBhc3N3b3JkIjoiZGVmYXVsdFBhc3N3b3JkIn0=";
const CURRENT_KEY: &str = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r";
const NEXT_KEY: &str = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs";

impl QStashClient {
    /// A client for a development server on this machine (`qstash dev`), with the account that every such server has.
    ///
    /// `QSTASH_DEV=true` and `QSTASH_DEV_PORT` have the same effect on [`Upstash::from_env`](crate::Upstash::from_env).
    /// Nothing is downloaded or started.
    ///
    /// ```
    /// use axum_upstash::qstash::{QStashClient, Receiver};
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let qstash = QStashClient::dev_server(8080)?;
    /// let receiver = Receiver::dev_server()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if there is no HTTP client to use.
    pub fn dev_server(port: u16) -> Result<Self, Error> {
        Self::dev_server_builder(port).build()
    }

    pub(crate) fn dev_server_builder(port: u16) -> QStashClientBuilder {
        Self::builder(TOKEN).url(format!("http://127.0.0.1:{port}"))
    }
}

impl Receiver {
    /// A receiver for a development server. Its keys are public: it must not verify anything in production.
    ///
    /// # Errors
    /// None in practice: the keys are constants.
    pub fn dev_server() -> Result<Self, Error> {
        Problems::collect(|problems| problems.note(Self::new(CURRENT_KEY, NEXT_KEY)))
    }
}
