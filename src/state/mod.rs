//! One state for the whole application: it reads the environment, and every client and layer comes out of it.
//!
//! [`Upstash`] is the state of an axum router. Extractors find their clients in it, and so does `State<Redis>`; a state
//! of your own that has an [`Upstash`] in it tells them where:
//!
//! ```
//! use axum::{Router, extract::{FromRef, State}, routing::get};
//! use axum_upstash::{Upstash, redis::Redis};
//!
//! #[derive(Clone)]
//! struct App {
//!     upstash: Upstash,
//! }
//!
//! impl FromRef<App> for Upstash {
//!     fn from_ref(app: &App) -> Self {
//!         app.upstash.clone()
//!     }
//! }
//!
//! impl FromRef<App> for Redis {
//!     fn from_ref(app: &App) -> Self {
//!         app.upstash.redis()
//!     }
//! }
//!
//! async fn handler(State(redis): State<Redis>) {}
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let upstash = Upstash::builder().or_memory().build()?;
//! let app: Router = Router::new().route("/", get(handler)).with_state(App { upstash });
//! # Ok(())
//! # }
//! ```
//!
//! # What is not configured
//! Redis is what the layers stand on, so [`Upstash::from_env`] asks for it. With [`Upstash::from_env_or_memory`] the
//! layers keep everything in the memory of the process if it is not set. Any other product that is not configured
//! gives an error that names what to set, when it is used.

mod builder;
mod from_ref;
mod problems;
mod upstash;

pub use self::{builder::UpstashBuilder, upstash::Upstash};
