//! Messages per second of the client of this crate.

use std::time::Instant;

use axum_upstash::{
    local::LocalQStash,
    qstash::{BatchItem, Message, QStashClient, ToUrl},
};

use crate::{BATCH, DESTINATION, SLICE, TASKS};

/// The client, for a server on this machine.
pub fn client(url: &str) -> QStashClient {
    QStashClient::builder(LocalQStash::TOKEN).url(url).build().unwrap()
}

fn message() -> Message<ToUrl> {
    Message::to_url(DESTINATION).body("0123456789")
}

pub async fn single(url: &str) -> f64 {
    let (client, begun) = (client(url), Instant::now());
    rate(begun, publish(&client, begun).await)
}

pub async fn tasks(url: &str) -> f64 {
    let (client, begun) = (client(url), Instant::now());
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { publish(&client, begun).await })
        })
        .collect();
    let mut published = 0;
    for task in tasks {
        published += task.await.unwrap();
    }
    rate(begun, published)
}

pub async fn batches(url: &str) -> f64 {
    let (client, begun) = (client(url), Instant::now());
    let mut published = 0;
    while begun.elapsed() < SLICE {
        let items = std::iter::repeat_with(|| BatchItem::from(message())).take(BATCH);
        let taken = client.batch(items).await.unwrap();
        assert!(taken.iter().all(Result::is_ok));
        published += taken.len();
    }
    rate(begun, published)
}

async fn publish(client: &QStashClient, begun: Instant) -> usize {
    let mut published = 0;
    while begun.elapsed() < SLICE {
        client.publish(message()).await.unwrap();
        published += 1;
    }
    published
}

fn rate(begun: Instant, published: usize) -> f64 {
    published as f64 / begun.elapsed().as_secs_f64()
}
