//! The client over TCP, and a cluster of three nodes.

use crate::{
    redis_server::{RedisServer, free_port},
    support::eventually,
};
use axum_upstash::{
    ErrorKind,
    ratelimit::{
        FixedWindow, OutagePolicy, Ratelimit, Reason, SlidingWindow,
        store::{HashTag, RedisRateLimitStore},
    },
    redis::{Redis, ScanOptions},
};
use futures_util::{TryStreamExt, future::join_all};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

fn client(server: &RedisServer) -> Redis {
    Redis::tcp(server.url()).build().unwrap()
}

/// Nodes that have found each other, each with a third of the slots.
async fn nodes() -> Vec<RedisServer> {
    let nodes: Vec<_> = (0..3)
        .map(|_| {
            let bus = free_port().to_string();
            let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", &bus];
            (RedisServer::with(&arguments), bus)
        })
        .collect();
    let first = client(&nodes[0].0);
    for (index, (node, bus)) in nodes.iter().enumerate() {
        let (from, to) = [(0, 5460), (5461, 10922), (10923, 16383)][index];
        client(node).cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(from).arg(to).await.unwrap();
        // Nodes with the same epoch may forget a move of a slot while they settle it.
        client(node).cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(index + 1).await.unwrap();
        if index > 0 {
            first.cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(node.port()).arg(bus).await.unwrap();
        }
    }
    for (node, _) in &nodes {
        let node = client(node);
        eventually("the cluster", || async {
            let info: String = node.cmd("CLUSTER").arg("INFO").query().await.unwrap();
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")).then_some(())
        })
        .await;
    }
    nodes.into_iter().map(|(node, _)| node).collect()
}

fn cluster(nodes: &[RedisServer]) -> Redis {
    Redis::cluster(nodes.iter().map(RedisServer::url)).build().unwrap()
}

#[tokio::test]
async fn a_cluster_is_reached_whole() {
    let nodes = nodes().await;
    let cluster = cluster(&nodes);
    for n in 0..50 {
        cluster.set(format!("k{n}"), n).await.unwrap();
    }
    let mut pipe = cluster.pipeline();
    let slots: Vec<_> = (0..50).map(|n| pipe.get::<i64>(format!("k{n}"))).collect();
    let mut results = pipe.exec().await.unwrap();
    for (n, slot) in (0..50).zip(slots) {
        assert_eq!(results.take(slot).unwrap(), n);
    }
    let mut multi = cluster.transaction();
    let (one, two) = (multi.incr("{same}:a"), multi.incr("{same}:b"));
    let mut results = multi.exec().await.unwrap();
    assert_eq!((results.take(one).unwrap(), results.take(two).unwrap()), (1, 1));

    // Limits with two keys each, spread over the nodes, and several limits at once.
    let day = Duration::from_secs(86_400);
    let by = |tag, algorithm| {
        let store = RedisRateLimitStore::new(cluster.clone()).with_hash_tag(tag);
        Ratelimit::with_store(store, algorithm)
            .with_outage_policy(OutagePolicy::Error)
            .with_timeout(Duration::from_secs(20))
    };
    let spread = by(HashTag::Identifier, SlidingWindow::new(2, day));
    for n in 0..20 {
        let decision = spread.limit(&format!("user:{n}")).await.unwrap();
        assert_eq!((decision.reason, decision.remaining), (Reason::Counted, 1));
    }
    let together = by(HashTag::Prefix, SlidingWindow::new(2, day)).with_prefix("one");
    let second = together.clone().with_algorithm(FixedWindow::new(5, day));
    let error = Ratelimit::limit_all(&[(&together, "a".into()), (&second.with_prefix("two"), "b".into())]).await;
    assert!(error.is_err(), "two prefixes are two slots");
    let other = together.clone().with_algorithm(FixedWindow::new(5, Duration::from_secs(3_600)));
    let decisions = Ratelimit::limit_all(&[(&together, "a".into()), (&other, "b".into())]).await.unwrap();
    assert!(decisions.allowed());
}

#[tokio::test]
async fn a_walk_visits_every_primary() {
    let nodes = nodes().await;
    let cluster = cluster(&nodes);
    let keys: BTreeSet<String> = (0..1_500).map(|n| format!("key:{n}")).collect();
    join_all(keys.iter().map(|key| cluster.set(key, 1).into_future())).await.into_iter().for_each(Result::unwrap);
    let found: Vec<String> = cluster.scan_stream(ScanOptions::new().count(100)).try_collect().await.unwrap();
    let found = found.into_iter().collect();
    assert_eq!(keys.difference(&found).count(), 0, "keys that were not found");
    let some = ScanOptions::new().matching("key:7?").count(10);
    let found: BTreeSet<String> = cluster.scan_stream(some).try_collect().await.unwrap();
    assert_eq!(found.len(), 10);
}

#[tokio::test]
async fn calls_to_a_dead_node_fail_soon_and_others_go_on() {
    let mut nodes = nodes().await;
    let cluster = cluster(&nodes);
    for n in 0..30 {
        cluster.set(format!("k{n}"), n).await.unwrap();
    }
    nodes[2].stop();
    let calls = (0..30).map(|n| {
        let call = cluster.get::<i64>(format!("k{n}"));
        async move {
            let begun = Instant::now();
            (call.await.map_err(|error| error.kind()), begun.elapsed())
        }
    });
    let outcomes = join_all(calls).await;
    assert!(outcomes.iter().any(|(outcome, _)| outcome.is_ok()), "{outcomes:?}");
    let failed: Vec<_> = outcomes.iter().filter(|(outcome, _)| outcome.is_err()).collect();
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|(_, took)| *took < Duration::from_secs(5)), "{failed:?}");
}

/// The slot of the key is on its way from one node to another when the transaction is sent, and has arrived later.
#[tokio::test]
async fn a_transaction_waits_for_its_slot() {
    let nodes = nodes().await;
    let cluster = cluster(&nodes);
    cluster.set("{t}:there", 0).await.unwrap();
    let raw = |node: usize| client(&nodes[node]);
    let slot: u16 = raw(0).cmd("CLUSTER").arg("KEYSLOT").arg("{t}").query().await.unwrap();
    let from = usize::from(slot > 5460) + usize::from(slot > 10922);
    let to = (from + 1) % 3;
    let id = async |node: usize| raw(node).cmd("CLUSTER").arg("MYID").query::<String>().await.unwrap();
    let (source, target) = (id(from).await, id(to).await);
    let move_slot = |state: &'static str, id: String| {
        move |redis: Redis| {
            let id = id.clone();
            async move { redis.cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(state).arg(id).await.unwrap() }
        }
    };
    move_slot("IMPORTING", source)(raw(to)).await;
    move_slot("MIGRATING", target.clone())(raw(from)).await;
    let mut multi = cluster.transaction();
    // A key that is not there yet is asked for at the other node, which takes no transaction for it yet.
    let _ = multi.incr("{t}:new");
    let transaction = tokio::spawn(multi.exec());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!transaction.is_finished(), "{:?}", transaction.await);
    let port = nodes[to].port();
    raw(from).cmd("MIGRATE").arg("127.0.0.1").arg(port).key("{t}:there").arg(0).arg(1000).await.unwrap();
    for node in [to, from, 3 - to - from] {
        move_slot("NODE", target.clone())(raw(node)).await;
    }
    let results = transaction.await.unwrap().unwrap();
    assert_eq!(results.into_replies().count(), 1);
    assert_eq!(cluster.get::<i64>("{t}:new").await.unwrap(), 1);
}

/// A command that takes longer than its deadline is not sent twice.
#[tokio::test]
async fn what_outlives_its_deadline_runs_once() {
    let nodes = nodes().await;
    let short = Redis::cluster([nodes[0].url()]).timeout(Duration::from_millis(300)).build().unwrap();
    short.set("n", 0).timeout(Duration::from_secs(5)).await.unwrap();
    let slow = "local t=redis.call('TIME') local e=t[1]*1000+t[2]/1000+700 \
                repeat t=redis.call('TIME') until t[1]*1000+t[2]/1000>e return redis.call('INCR',KEYS[1])";
    let error = short.cmd("EVAL").arg(slow).arg(1).key("n").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let count =
        eventually("the script", || async { short.get::<i64>("n").await.ok().filter(|count| *count > 0) }).await;
    assert_eq!(count, 1);
    // A repetition would come behind it.
    assert_eq!(short.get::<i64>("n").timeout(Duration::from_secs(5)).await.unwrap(), 1);
}
