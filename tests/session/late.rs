//! Requests that outlast the redirect of their session.

use crate::client::{ask, both, keys, log_in, routes};
use crate::times::{ms, now_ms};
use axum::{Router, extract::Path, routing::post};
use axum_upstash::{
    Clock,
    session::{Session, SessionError, SessionLayer, store::SessionStore},
};
use http::{HeaderMap, StatusCode, header};
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn a_request_that_takes_long_leaves_the_client_s_new_cookie_alone() {
    both(async |store| {
        for grace in [Duration::ZERO, Duration::from_secs(300)] {
            leaves_it_alone(Arc::clone(&store), grace).await;
        }
    })
    .await;
}

async fn leaves_it_alone(store: Arc<dyn SessionStore>, grace: Duration) {
    let strict = grace.is_zero();
    let (clock, hands) = Clock::manual(ms(now_ms()));
    let layer = SessionLayer::new(store, keys(&[1])).with_clock(clock).with_rotation_grace(grace);
    let other = routes().layer(layer.clone());
    let slow = move |session: Session, headers: HeaderMap, Path(does): Path<String>| async move {
        if does == "looked" {
            let _: Option<String> = session.get("user").await?;
        }
        // The same client does this in another tab, and the answer is there long before this one's.
        let me = headers[header::COOKIE].to_str().unwrap();
        let moved = ask(&other, "POST", "/rotate", Some(me)).await.cookie().unwrap();
        hands.advance(Duration::from_secs(11));
        match &*does {
            "looked" | "insert" => session.insert("a", "1").await?,
            "put" => session.insert_without_load("a", "1")?,
            "rotate" => session.rotate()?,
            "update" => drop(session.update("a", |_: Option<u8>| 1).await?),
            // With its old rights, as long as the new id was not used.
            "get" => assert_eq!(session.get::<String>("user").await?.is_none(), strict, "{does}"),
            _ => session.destroy()?,
        }
        if does != "looked" {
            // A commit after the handler meets a new id that no request has used, or one that was used.
            assert_eq!(ask(&other, "GET", "/get/user", Some(&moved)).await.text, "ferris", "{does}");
        }
        Ok::<_, SessionError>(())
    };
    let app: Router = routes().route("/slow/{does}", post(slow)).layer(layer);
    for does in ["looked", "insert", "put", "rotate", "update", "get"] {
        let me = log_in(&app, "ferris").await;
        let reply = ask(&app, "POST", &format!("/slow/{does}"), Some(&me)).await;
        assert_eq!(reply.headers.get(header::SET_COOKIE), None, "{does}: {reply:?}");
        // The outcome does not report unwritten changes; a new id for nothing is nothing.
        let nothing = ["get", "rotate"].contains(&does);
        let wanted = if nothing { StatusCode::OK } else { StatusCode::CONFLICT };
        assert_eq!(reply.status, wanted, "{does}: {reply:?}");
    }
    // A client that ends its session twice is told of no error.
    let me = log_in(&app, "ferris").await;
    assert!(ask(&app, "POST", "/slow/destroy", Some(&me)).await.removes_cookie());
}
