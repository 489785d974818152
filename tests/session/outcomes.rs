//! Changes at each way in which a handler can end.

use crate::client::{ask, both, layer, log_in, routes};
use axum::{Router, extract::Path, routing::post};
use axum_upstash::session::{Session, SessionError, SessionLayer};
use futures_util::FutureExt;
use http::{Request, Response, StatusCode, header};
use std::{future::pending, time::Duration};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::timeout::TimeoutLayer;

async fn change(session: &Session, what: &str) -> Result<(), SessionError> {
    match what {
        "attribute" => session.insert("a", "1").await,
        "rotation" => session.rotate(),
        "principal" => session.set_principal("corro"),
        _ => session.destroy(),
    }
}

/// Whether the change was kept.
async fn is_kept(app: &Router, me: &str, new: Option<String>, what: &str) -> bool {
    match what {
        "attribute" => ask(app, "GET", "/get/a", Some(me)).await.text == "1",
        "rotation" => new.is_some(),
        "principal" => !ask(app, "GET", "/devices/corro", None).await.text.is_empty(),
        _ => ask(app, "GET", "/get/user", Some(me)).await.text == "-",
    }
}

type Configure = fn(SessionLayer) -> SessionLayer;

const CHANGES: [&str; 4] = ["attribute", "rotation", "principal", "logout"];

/// The table of the module's documentation.
#[tokio::test]
async fn statuses_and_kinds_of_changes() {
    both(async |store| {
        let handler = |session: Session, Path((status, what)): Path<(u16, String)>| async move {
            change(&session, &what).await.map(|()| StatusCode::from_u16(status).unwrap())
        };
        let configured: [(Configure, _); 2] = [
            (
                |layer| layer,
                [(200, true), (302, true), (404, true), (401, true), (408, false), (500, false), (503, false)],
            ),
            (
                |layer| layer.with_commit_on(|status: StatusCode| status.is_success() || status == 500),
                [(200, true), (302, false), (404, false), (401, false), (408, false), (500, true), (503, false)],
            ),
        ];
        for (configure, rows) in configured {
            let app = routes().route("/{status}/{what}", post(handler)).layer(configure(layer(&store)));
            for (status, commits) in rows {
                for what in CHANGES {
                    let me = log_in(&app, "ferris").await;
                    let reply = ask(&app, "POST", &format!("/{status}/{what}"), Some(&me)).await;
                    assert_eq!(reply.status, status);
                    let kept = is_kept(&app, &me, reply.cookie(), what).await;
                    assert_eq!(kept, commits || what == "logout", "{what} with {status}");
                    assert_eq!(reply.removes_cookie(), what == "logout", "{what} with {status}");
                    ask(&app, "POST", "/revoke-all/corro", None).await;
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_an_inner_timeout_cuts_off_leaves_no_half_of_its_changes() {
    both(async |store| {
        let handler = |session: Session, Path(what): Path<String>| async move {
            change(&session, &what).await?;
            pending::<()>().await;
            Ok::<_, SessionError>(())
        };
        let cut = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(200));
        let app = Router::new().route("/slow/{what}", post(handler)).layer(cut).merge(routes()).layer(layer(&store));
        for what in CHANGES {
            let me = log_in(&app, "ferris").await;
            let reply = ask(&app, "POST", &format!("/slow/{what}"), Some(&me)).await;
            assert_eq!(reply.status, StatusCode::REQUEST_TIMEOUT);
            assert_eq!(is_kept(&app, &me, reply.cookie(), what).await, what == "logout", "{what}");
        }
    })
    .await;
}

/// A client that leaves, a handler that panics, and a service that returns an error instead of a response.
#[tokio::test]
async fn a_logout_is_kept_however_the_request_ends_and_nothing_else_is() {
    both(async |store| {
        for end in ["leaves", "panics", "errs"] {
            for what in CHANGES {
                let app = routes().layer(layer(&store));
                let me = log_in(&app, "ferris").await;
                let service = service_fn(move |request: Request<()>| async move {
                    let session: &Session = request.extensions().get().unwrap();
                    change(session, what).await.unwrap();
                    match end {
                        "leaves" => pending().await,
                        "panics" => panic!("the handler panics"),
                        _ => Err::<Response<String>, &str>("an error"),
                    }
                });
                let request = Request::builder().header(header::COOKIE, &me).body(()).unwrap();
                let mut call = Box::pin(layer(&store).layer(service).oneshot(request));
                match end {
                    "leaves" => {
                        // Until the handler waits for ever.
                        for _ in 0..200 {
                            assert!((&mut call).now_or_never().is_none());
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        drop(call);
                    }
                    "panics" => assert!(tokio::spawn(call).await.unwrap_err().is_panic()),
                    _ => assert_eq!(call.await.unwrap_err(), "an error"),
                }
                if what == "logout" {
                    let gone = || async { is_kept(&app, &me, None, what).await.then_some(()) };
                    crate::support::eventually(end, gone).await;
                } else {
                    assert!(!is_kept(&app, &me, None, what).await, "{what}, {end}");
                    // Under the id that it had: one that was rotated takes no write.
                    assert_eq!(ask(&app, "POST", "/set/x/1", Some(&me)).await.status, StatusCode::OK, "{what}, {end}");
                    assert_eq!(ask(&app, "GET", "/get/user", Some(&me)).await.text, "ferris", "{what}, {end}");
                }
            }
        }
    })
    .await;
}
