//! Messages, monitors and walks.

use crate::support::{eventually, upstash};
use axum_upstash::{
    Error, ErrorKind,
    redis::{MonitorEvent, PubSubEvent, Redis, RequestEvent, RequestKind, ScanOptions, Subscription, ZAddOptions},
};
use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

async fn next<T>(stream: &mut (impl Stream<Item = Result<T, Error>> + Unpin)) -> T {
    let next = tokio::time::timeout(Duration::from_secs(20), stream.next());
    next.await.expect("nothing came").expect("the stream ended").unwrap()
}

async fn message(subscription: &mut Subscription) -> (String, String) {
    match next(subscription).await {
        PubSubEvent::Message(message) => (message.channel.clone(), message.read().unwrap()),
        other => panic!("{other:?}"),
    }
}

async fn subscribed(subscription: &mut Subscription, wanted: &str) {
    match next(subscription).await {
        PubSubEvent::Subscribed { name, .. } => assert_eq!(name, wanted),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_of_channels_with_any_name() {
    let (_local, redis) = upstash().await;
    let names = ["plain", "with, comma", "a/b?c#d%20 ü", "with"];
    let mut subscription = redis.subscribe(names);
    for name in names {
        subscribed(&mut subscription, name).await;
    }
    for name in names {
        for payload in ["text", "a,b", "", "two\nlines", "{\"crab\":\"🦀\"}", "data: x"] {
            assert_eq!(redis.publish(name, payload).await.unwrap(), 1);
            assert_eq!(message(&mut subscription).await, (name.to_owned(), payload.to_owned()));
        }
    }
}

#[tokio::test]
async fn patterns_say_the_channel() {
    let (_local, redis) = upstash().await;
    let mut subscription = redis.psubscribe(["room:*", "news, *"]);
    subscribed(&mut subscription, "room:*").await;
    subscribed(&mut subscription, "news, *").await;
    redis.publish("room:1", "7").await.unwrap();
    let PubSubEvent::Message(message) = next(&mut subscription).await else { panic!("no message") };
    assert_eq!((message.channel.as_str(), message.pattern.as_deref()), ("room:1", Some("room:*")));
    assert_eq!(message.read::<i64>().unwrap(), 7);
    redis.publish("news, today", "a,b").await.unwrap();
    let PubSubEvent::Message(message) = next(&mut subscription).await else { panic!("no message") };
    // A comma in a channel behind a pattern is the one place that cannot be told apart.
    assert_eq!((message.channel.as_str(), message.read::<String>().unwrap().as_str()), ("news", " today,a,b"));
}

#[tokio::test]
async fn dropping_it_ends_the_subscription() {
    let (_local, redis) = upstash().await;
    let mut subscription = redis.subscribe(["c"]);
    subscribed(&mut subscription, "c").await;
    assert_eq!(redis.pubsub_numsub("c").await.unwrap().0, [("c".to_owned(), 1)]);
    drop(subscription);
    eventually("the end of the subscription", || async {
        (redis.pubsub_numsub("c").await.unwrap().0[0].1 == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lost_stream_comes_back_with_a_gap() {
    let (local, _) = upstash().await;
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let redis = Redis::builder(local.url(), local.token())
        .on_request(move |event: &RequestEvent| {
            count.fetch_add(usize::from(event.kind == RequestKind::Stream), Ordering::SeqCst);
        })
        .build()
        .unwrap();
    let mut subscription = redis.subscribe(["c"]);
    subscribed(&mut subscription, "c").await;
    local.stop_redis().await.unwrap();
    let waiting = tokio::spawn(async move {
        let event = next(&mut subscription).await;
        (subscription, event)
    });
    eventually("another attempt", || async { (opened.load(Ordering::SeqCst) >= 2).then_some(()) }).await;
    local.restart_redis().await.unwrap();
    let (mut subscription, event) = waiting.await.unwrap();
    assert_eq!(event, PubSubEvent::Gap);
    subscribed(&mut subscription, "c").await;
    redis.publish("c", "again").await.unwrap();
    assert_eq!(message(&mut subscription).await.1, "again");

    let mut limited = redis.subscribe(["c"]).max_reconnects(1);
    subscribed(&mut limited, "c").await;
    local.stop_redis().await.unwrap();
    let error = limited.next().await.unwrap().unwrap_err();
    assert!(error.is_outage(), "{error}");
    assert!(limited.next().await.is_none());
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let (local, redis) = upstash().await;
    let stranger = Redis::new(local.url(), "wrong").unwrap();
    let mut refused = stranger.subscribe(["c"]);
    assert_eq!(refused.next().await.unwrap().unwrap_err().kind(), ErrorKind::Unauthorized);
    assert!(refused.next().await.is_none());
    for names in [&[""][..], &["a", ".."], &[]] {
        let error = redis.subscribe(names.iter().copied()).next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{names:?}");
    }
    let nobody = Redis::new("http://127.0.0.1:1", "token").unwrap();
    assert_eq!(nobody.monitor().next().await.unwrap().unwrap_err().kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn a_monitor_sees_what_is_executed() {
    let (_local, redis) = upstash().await;
    let mut monitor = redis.monitor();
    assert_eq!(next(&mut monitor).await, MonitorEvent::Started);
    redis.set("seen", "yes").await.unwrap();
    for _ in 0..100 {
        if let MonitorEvent::Command(line) = next(&mut monitor).await
            && line.ends_with(r#""SET" "seen" "yes""#)
        {
            return;
        }
    }
    panic!("the command was not reported");
}

#[tokio::test]
async fn walks_go_over_all_pages() {
    let (local, redis) = upstash().await;
    let names: BTreeSet<String> = (0..500).map(|n| format!("walk:{n}")).collect();
    redis.mset(names.iter().map(|name| (name, "x"))).await.unwrap();
    redis.set("other", "x").await.unwrap();
    let found: BTreeSet<String> =
        redis.scan_stream(ScanOptions::new().matching("walk:*").count(50)).try_collect().await.unwrap();
    assert_eq!(found, names);

    redis.hset("h", names.iter().map(|name| (name, name))).await.unwrap();
    let fields: Vec<(String, String)> = redis.hscan_stream("h", ScanOptions::new()).try_collect().await.unwrap();
    assert_eq!(fields.iter().map(|(field, _)| field.clone()).collect::<BTreeSet<_>>(), names);
    assert!(fields.iter().all(|(field, value)| field == value));
    redis.sadd("s", &names).await.unwrap();
    let members: BTreeSet<String> = redis.sscan_stream("s", ScanOptions::new()).try_collect().await.unwrap();
    assert_eq!(members, names);
    redis.zadd("z", ZAddOptions::new(), (0..500).map(|n| (f64::from(n), n))).await.unwrap();
    let scored: Vec<(u32, f64)> = redis.zscan_stream("z", ScanOptions::new()).try_collect().await.unwrap();
    assert!(scored.len() >= 500 && scored.iter().all(|(member, score)| f64::from(*member) == *score));

    // A page is asked for when the one before is used up, and not earlier.
    let before = local.requests();
    let mut walk = redis.scan_stream::<String>(ScanOptions::new().count(100));
    assert_eq!(local.requests(), before);
    walk.next().await.unwrap().unwrap();
    assert_eq!(local.requests(), before + 1);

    let mut wrong = redis.hscan_stream::<String>("s", ScanOptions::new());
    assert_eq!(wrong.next().await.unwrap().unwrap_err().kind(), ErrorKind::WrongType);
    assert!(wrong.next().await.is_none());
}
