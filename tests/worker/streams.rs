//! Subscriptions, whose bodies do not end.

use crate::host::Host;
use futures_util::future::join_all;
use reqwest::{Client, Response};
use std::time::Duration;
use tokio::time::timeout;

/// Reads until a line with this text.
async fn reads(response: &mut Response, line: &str) {
    let mut text = String::new();
    let read = timeout(Duration::from_secs(10), async {
        while !text.contains(line) {
            let chunk = response.chunk().await.unwrap().expect("the stream ended");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    });
    assert!(read.await.is_ok(), "waited for {line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_get_messages_as_they_come() {
    let (host, client) = (Host::workerd().await, Client::new());
    let news = format!("{}/news", host.url);
    let subscribe = async || {
        let mut response = client.get(&news).send().await.unwrap();
        reads(&mut response, ": subscribed").await;
        response
    };
    let announce = async |text: &'static str| client.post(&news).body(text).send().await.unwrap().text().await.unwrap();

    let mut subscribed = join_all((0..20).map(|_| subscribe())).await;
    assert_eq!(announce("first").await, "20 clients have it\n");
    join_all(subscribed.iter_mut().map(|response| reads(response, "data: first\n"))).await;

    // They leave, and the server forgets them.
    drop(subscribed);
    let gone = timeout(Duration::from_secs(10), async { while announce("second").await != "0 clients have it\n" {} });
    assert!(gone.await.is_ok(), "subscriptions of clients that left stay open");

    let mut one = subscribe().await;
    assert_eq!(announce("third").await, "1 clients have it\n");
    reads(&mut one, "data: third\n").await;
}
