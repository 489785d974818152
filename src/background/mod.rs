//! Work that no request waits for, and hosts that stop when a response has gone out.
//!
//! A server of its own runs such work on its tokio runtime, and nothing has to be set. If a host ends or freezes the
//! process after a response, one setting tells all parts of this crate what to do with it:
//!
//! - **AWS Lambda** freezes the process between two events. A [`BackgroundLayer`] outermost lets a response wait for the
//!   work.
//! - **Cloudflare Workers** end the tasks of a request with it. Hand the work to `waitUntil` by
//!   [`Background::with_spawner`], or add a [`BackgroundLayer`].
//!
//! ```
//! use axum::{Router, routing::get};
//! use axum_upstash::{Upstash, ratelimit::SlidingWindow};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), axum_upstash::Error> {
//! let upstash = Upstash::builder().or_memory().build()?;
//! let app: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .layer(upstash.rate_limit_layer("all", SlidingWindow::new(100, Duration::from_secs(60))))
//!     .layer(upstash.background().layer()); // added last, and so around all others
//! # Ok(())
//! # }
//! ```

mod body;
mod finishing;
mod layer;
mod tasks;
mod work;

pub use self::{
    body::ResponseBody,
    layer::{BackgroundLayer, BackgroundService, ResponseFuture},
    work::Background,
};
