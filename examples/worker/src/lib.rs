//! The application of `router.rs` on Cloudflare Workers.
//!
//! `wrangler dev` and `wrangler deploy` build it with `worker-build`. `scripts/build-worker` builds it without them, for
//! the tests.
#![cfg(target_arch = "wasm32")]

mod router;

use axum::{Router, body::Body, http::Response};
use axum_upstash::{Error, UpstashBuilder, background::Background, client_ip::ClientIpSource};
use std::sync::OnceLock;
use tower_service::Service;
use worker::{Context, Env, HttpRequest, event};

/// One for all requests of the isolate: its limits, cached values and circuit breakers are shared.
static APP: OnceLock<Router> = OnceLock::new();

#[event(start)]
fn start() {
    console_error_panic_hook::set_once();
}

#[event(fetch)]
async fn fetch(request: HttpRequest, env: Env, _context: Context) -> worker::Result<Response<Body>> {
    let mut app = match APP.get() {
        Some(app) => app.clone(),
        None => {
            let app = app(&env).map_err(|error| worker::Error::RustError(error.to_string()))?;
            APP.get_or_init(|| app).clone()
        }
    };
    Ok(app.call(request).await.unwrap_or_else(|never| match never {}))
}

fn app(env: &Env) -> Result<Router, Error> {
    // `var` reads variables and secrets alike.
    let binding = |name: &str| env.var(name).ok().map(|value| value.to_string());
    let upstash = UpstashBuilder::from_env_with(binding)
        .client_ip(ClientIpSource::cloudflare())
        .background(Background::cloudflare_workers())
        .public_url(binding("PUBLIC_URL").unwrap_or_default())
        .build()?;
    Ok(router::router(&upstash))
}
