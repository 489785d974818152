//! Many requests at once.

use crate::client::{Reply, ask, both, layer, log_in, routes, send};
use futures_util::future::join_all;
use http::StatusCode;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_requests_on_their_way_none_survives_that_all_are_revoked() {
    both(async |store| {
        let layer = layer(&store);
        let (app, sessions) = (routes().layer(layer.clone()), layer.user_sessions());
        let mut cookies = Vec::new();
        for _ in 0..10 {
            cookies.push(log_in(&app, "ferris").await);
        }
        let requests = (0..50).map(|index| {
            let path = ["/set/a/1", "/rotate", "/add/n", "/committed/b/2", "/get/user"][index % 5];
            let method = if path.starts_with("/get") { "GET" } else { "POST" };
            tokio::spawn(send(app.clone(), method, path.to_owned(), Some(cookies[index / 5].clone())))
        });
        let requests: Vec<_> = requests.collect();
        let revoked = tokio::spawn({
            let sessions = sessions.clone();
            async move { sessions.revoke_all("ferris").await.unwrap() }
        });
        let replies: Vec<Reply> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
        // A rotation that comes in between ends its session itself.
        assert!(revoked.await.unwrap() <= 10);
        assert_eq!(sessions.list("ferris").await.unwrap(), []);
        // No cookie given out in the meantime lets a client in. A request that found its session gone may have begun
        // another one, in which there is no user.
        for cookie in cookies.into_iter().chain(replies.iter().filter_map(Reply::cookie)) {
            assert_eq!(ask(&app, "GET", "/get/user", Some(&cookie)).await.text, "-");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_that_add_one_none_is_lost() {
    both(async |store| {
        let app = routes().layer(layer(&store));
        let me = log_in(&app, "ferris").await;
        let requests = (0..50).map(|_| tokio::spawn(send(app.clone(), "POST", "/add/n".to_owned(), Some(me.clone()))));
        let replies = join_all(requests.collect::<Vec<_>>()).await;
        let done = replies.into_iter().filter(|reply| reply.as_ref().unwrap().status == StatusCode::OK).count();
        let n = ask(&app, "GET", "/get/n", Some(&me)).await.text;
        // Some may lose the race again and again; none gets a wrong answer.
        assert_eq!(n, done.to_string());
        assert!(done >= 25, "{done}");
    })
    .await;
}
