//! Errors as an application meets them: in handlers, in `main`, in other errors.

use axum::{Router, body::Body, response::IntoResponse, routing::get};
use axum_upstash::{Error, ErrorKind, Problem, Upstash, session::SessionError};
use http::{Request, StatusCode};
use tower::ServiceExt;

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "it failed").with_operation("GET")
}

#[tokio::test]
async fn a_handler_may_return_an_error() {
    let app = Router::new()
        .route("/outage", get(|| async { Err::<(), Error>(error(ErrorKind::Timeout)) }))
        .route("/refusal", get(|| async { Err::<(), Error>(error(ErrorKind::WrongType)) }));
    for (path, status) in [("/outage", 503), ("/refusal", 500)] {
        let response = app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("it failed"), "the reason is for the log");
    }
}

#[test]
fn an_error_becomes_the_errors_of_other_parts() {
    fn in_a_session() -> Result<(), SessionError> {
        Err(error(ErrorKind::Connect))?
    }
    fn as_a_problem() -> Result<(), Problem> {
        Err(error(ErrorKind::Connect))?
    }
    assert!(matches!(in_a_session(), Err(SessionError::Unavailable(_))));
    assert_eq!(as_a_problem().unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(in_a_session().into_response().status(), 503);
}

/// `main` prints the `Debug` text of its error.
#[test]
fn a_configuration_error_prints_one_line_for_each_problem() {
    let error = Upstash::from_env_with(|name| match name {
        "UPSTASH_REDIS_REST_URL" => Some("ftp://somewhere".to_owned()),
        "UPSTASH_REDIS_REST_TOKEN" => Some("secret token".to_owned()),
        "QSTASH_CURRENT_SIGNING_KEY" => Some("sig_secret".to_owned()),
        _ => None,
    });
    let text = format!("{:?}", error.unwrap_err());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + text.matches("\n  ").count(), "{text}");
    assert!(lines.len() >= 3 && lines[0].ends_with("problems:"), "{text}");
    assert!(text.contains("UPSTASH_REDIS_REST_URL") && text.contains("QSTASH_NEXT_SIGNING_KEY"), "{text}");
    assert!(!text.contains("secret") && !text.contains("somewhere") && !text.contains('{'), "{text}");
}

#[test]
fn an_outage_is_defined_once() {
    for kind in [ErrorKind::Connect, ErrorKind::Timeout, ErrorKind::Interrupted, ErrorKind::Server] {
        assert!(error(kind).is_outage(), "{kind:?}");
    }
    for kind in [ErrorKind::Unauthorized, ErrorKind::WrongType, ErrorKind::Configuration, ErrorKind::ReadOnly] {
        assert!(!error(kind).is_outage(), "{kind:?}");
    }
}
