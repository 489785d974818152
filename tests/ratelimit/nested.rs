//! Limits around limits: what a client is told must be what it will meet first.

use crate::layer::{by, send};
use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use axum_upstash::ratelimit::{FixedWindow, HeaderStyles, RateLimitLayer, Ratelimit};
use http::{HeaderMap, Method, StatusCode};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

fn limit(limit: u32, styles: HeaderStyles) -> RateLimitLayer {
    named("default", limit, styles)
}

fn named(name: &str, limit: u32, styles: HeaderStyles) -> RateLimitLayer {
    let limiter = Ratelimit::memory(FixedWindow::new(limit, HOUR));
    RateLimitLayer::new(name, limiter).with_key_from(by("x-user")).with_headers(styles)
}

async fn head(app: &Router) -> HeaderMap {
    send(app, Method::GET, "/", &[("x-user", "a")]).await.headers().clone()
}

fn app() -> Router {
    Router::new().route("/", get(|| async {}))
}

#[tokio::test]
async fn the_strictest_limit_is_told_whichever_layer_is_outside() {
    for (inner, outer) in [(3, 100), (100, 3)] {
        for (styles, field, wanted) in [
            (HeaderStyles::LEGACY, "x-ratelimit-remaining", "2"),
            (HeaderStyles::LEGACY, "x-ratelimit-limit", "3"),
            (HeaderStyles::DRAFT_6, "ratelimit-remaining", "2"),
            (HeaderStyles::DRAFT_6, "ratelimit-limit", "3"),
            (HeaderStyles::DRAFT_6, "ratelimit-policy", "3;w=3600"),
            (HeaderStyles::DRAFT_7, "ratelimit-policy", "3;w=3600"),
            (HeaderStyles::CURRENT, "ratelimit-policy", "\"default\";q=3;w=3600"),
        ] {
            let app = app().layer(limit(inner, styles)).layer(limit(outer, styles));
            let head = head(&app).await;
            let lines: Vec<_> = head.get_all(field).iter().collect();
            assert_eq!(lines, [wanted], "{field} of {inner} in {outer}: {head:?}");
        }
    }
}

#[tokio::test]
async fn policies_with_names_of_their_own_are_all_listed() {
    let current = HeaderStyles::CURRENT;
    let app = app().layer(named("inner", 3, current)).layer(named("outer, so", 100, current));
    let app = app.layer(named("outer, so", 200, current));
    let head = head(&app).await;
    for field in ["ratelimit", "ratelimit-policy"] {
        let lines: Vec<_> = head.get_all(field).iter().map(|line| line.to_str().unwrap().to_owned()).collect();
        assert!(
            lines.len() == 2 && lines[0].starts_with("\"inner\"") && lines[1].starts_with("\"outer, so\""),
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn the_refusal_of_a_service_behind_keeps_its_fields() {
    let upstream = || async {
        let fields = [
            ("x-ratelimit-limit", "5"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "4102444800"),
            ("retry-after", "30"),
            ("ratelimit-limit", "5"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "30"),
        ];
        let mut response: Response = StatusCode::TOO_MANY_REQUESTS.into_response();
        for (name, value) in fields {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    };
    let styles = HeaderStyles::LEGACY | HeaderStyles::DRAFT_6;
    let app = Router::new().route("/", get(upstream)).layer(limit(100, styles));
    let head = head(&app).await;
    for (field, wanted) in [
        ("x-ratelimit-limit", "5"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "4102444800"),
        ("ratelimit-remaining", "0"),
        ("ratelimit-reset", "30"),
        ("retry-after", "30"),
    ] {
        assert_eq!(head[field], wanted, "{field}");
    }
}
