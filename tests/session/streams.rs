//! Sessions in bodies that are streamed: what a cache on the way is told, and what it is not.

use crate::client::{ask, both, layer, log_in, routes};
use axum::{Router, body::Body, routing::get};
use axum_upstash::session::{Session, SessionError};
use futures_util::{StreamExt, stream};
use std::convert::Infallible;

/// A body that reads the session when it is sent.
fn late(session: Session) -> Body {
    Body::from_stream(stream::once(async move { session.get::<String>("user").await }).map(|user| {
        Ok::<_, Infallible>(match user {
            Ok(user) => user.unwrap_or_default(),
            Err(error @ SessionError::HeadSent) => format!("error: {error}"),
            Err(error) => panic!("{error}"),
        })
    }))
}

#[tokio::test]
async fn no_page_of_a_client_goes_out_as_everybody_s() {
    both(async |store| {
        let unloaded = |session: Session| async move { ([("cache-control", "max-age=60")], late(session)) };
        let loaded = |session: Session| async move {
            session.exists().await.unwrap();
            ([("cache-control", "max-age=60")], late(session))
        };
        let detached = |session: Session| async move { ([("cache-control", "max-age=60")], late(session.detach())) };
        let too_late = |session: Session| async move {
            let body =
                stream::once(async move { Ok::<_, Infallible>(session.detach().exists().await.is_err().to_string()) });
            ([("cache-control", "max-age=60")], Body::from_stream(body))
        };
        let app: Router = routes()
            .route("/unloaded", get(unloaded))
            .route("/loaded", get(loaded))
            .route("/detached", get(detached))
            .route("/too-late", get(too_late))
            .layer(layer(&store));
        let me = log_in(&app, "ferris").await;
        for (path, text, is_private) in
            [("/loaded", "ferris", true), ("/detached", "ferris", true), ("/too-late", "true", false)]
        {
            let reply = ask(&app, "GET", path, Some(&me)).await;
            let control: Vec<_> = reply.headers.get_all("cache-control").iter().collect();
            assert_eq!((&*reply.text, control.contains(&&"private".parse().unwrap())), (text, is_private), "{path}");
            assert_eq!(reply.headers.contains_key("vary"), is_private, "{path}");
        }
        let reply = ask(&app, "GET", "/unloaded", Some(&me)).await;
        assert!(!reply.headers.contains_key("vary") && reply.text.contains("Session::detach"), "{reply:?}");
    })
    .await;
}
