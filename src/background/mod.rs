//! Work that no request waits for, and hosts that stop when a response has gone out.
//!
//! A server of its own runs such work on its tokio runtime, and nothing has to be set. If a host ends or freezes the
//! process after a response, one setting tells all parts of an [`Upstash`](crate::Upstash) what to do with it. Limiters
//! that it did not make have `with_background`.
//!
//! - **AWS Lambda, Vercel** and others freeze the process between two requests. A [`BackgroundLayer`] outermost lets a
//!   response wait for the work.
//! - **Cloudflare Workers** end the tasks of a request with it. `Background::cloudflare_workers` (feature
//!   `cloudflare-workers`) hands the work to `waitUntil` of the request that caused it. A [`BackgroundLayer`] works there
//!   as well.
//! - **Browsers** have an event loop that goes on: `Background::with_spawner(wasm_bindgen_futures::spawn_local)`.
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
#[cfg(all(target_arch = "wasm32", feature = "cloudflare-workers"))]
mod cloudflare;
mod finishing;
mod layer;
mod tasks;
mod work;

pub use self::{
    body::ResponseBody,
    layer::{BackgroundLayer, BackgroundService, ResponseFuture},
    work::Background,
};
