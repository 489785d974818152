//! The routes of `examples/worker/src/router.rs`, and the environment of a process that serves them.

use crate::qstash;
use axum_upstash::{local::LocalRedis, qstash::Signer};

const SIGNING_KEY: &str = "sig_current";
const PUBLIC_URL: &str = "https://app.example.com";

/// The variables that the application reads.
pub fn environment(redis_port: u16, local: &LocalRedis, qstash_url: String) -> Vec<(&'static str, String)> {
    vec![
        ("UPSTASH_REDIS_REST_URL", format!("http://127.0.0.1:{redis_port}")),
        ("UPSTASH_REDIS_REST_TOKEN", local.token().to_owned()),
        ("SESSION_SECRET", "0123456789abcdef0123456789abcdef".repeat(2)),
        ("QSTASH_URL", qstash_url),
        ("QSTASH_TOKEN", qstash::TOKEN.to_owned()),
        ("QSTASH_CURRENT_SIGNING_KEY", SIGNING_KEY.to_owned()),
        ("QSTASH_NEXT_SIGNING_KEY", "sig_next".to_owned()),
        ("PUBLIC_URL", PUBLIC_URL.to_owned()),
    ]
}

pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub body: &'static str,
    /// A part of its answer.
    pub says: &'static str,
}

pub const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/", body: "", says: "of 1000 requests are left" },
    Route { method: "GET", path: "/analyzed", body: "", says: "9" },
    Route { method: "GET", path: "/export", body: "", says: "line 1\nline 2\nline 3\n" },
    Route { method: "GET", path: "/prices", body: "", says: "[9.99,19.99]" },
    Route { method: "POST", path: "/visits", body: "", says: "1\n" },
    Route { method: "POST", path: "/login", body: "user=ferris", says: "ferris is logged in" },
    Route { method: "POST", path: "/webhooks/receipt", body: r#"{"order":7}"#, says: "receipt for order 7" },
    Route { method: "POST", path: "/orders", body: "", says: "msg_" },
    Route { method: "POST", path: "/basket", body: "", says: "ferris has" },
    Route { method: "GET", path: "/parallel", body: "", says: "190" },
    Route { method: "POST", path: "/news", body: "hello", says: "clients have it" },
    Route { method: "GET", path: "/address", body: "", says: "203.0.113.7" },
];

impl Route {
    pub fn content_type(&self) -> &'static str {
        if self.body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" }
    }

    pub fn signature(&self) -> String {
        Signer::new(SIGNING_KEY).unwrap().sign(&format!("{PUBLIC_URL}{}", self.path), self.body)
    }
}
