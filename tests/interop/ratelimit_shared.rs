//! What `@upstash/ratelimit` and our limiter share beside the counts.

use std::time::Duration;

use axum_upstash::{
    client::ReqwestTransport,
    local::LocalRedis,
    ratelimit::{
        Analytics, Attempt, ClientInfo, DenyList, FixedWindow, IpList, Ratelimit, Reason, store::DynamicLimits,
    },
    redis::Redis,
};
use serde_json::{Value, json};

use crate::node::Conversation;

const PREFIX: &str = "shared";

struct Both {
    rust: Ratelimit,
    redis: Redis,
    javascript: Conversation,
    _local: LocalRedis,
}

impl Both {
    async fn start() -> Self {
        let local = LocalRedis::start().await.unwrap();
        let redis = Redis::new(local.url(), local.token()).unwrap();
        let list = IpList::new(ReqwestTransport::from_defaults().unwrap()).with_url("http://127.0.0.1:9/nobody-asks");
        let rust = Ratelimit::new(redis.clone(), FixedWindow::new(100, Duration::from_secs(86_400)))
            .with_prefix(PREFIX)
            .with_timeout(Duration::from_secs(20))
            .with_block_cache(None)
            .with_dynamic_limits(DynamicLimits::Prefix)
            .with_deny_list(DenyList::new().with_ip_list(list))
            .with_analytics(Analytics::new(redis.clone()).with_interval(Duration::from_millis(1)));
        // Without this, the first request would fetch the list.
        rust.deny_list().disable_ip_list().await.unwrap();
        let javascript = Conversation::start("ratelimit-shared", &local, "SETTINGS", &json!({"prefix": PREFIX}));
        Self { rust, redis, javascript, _local: local }
    }

    async fn javascript(&mut self, order: Value) -> Value {
        self.javascript.ask(&order).await
    }

    async fn rust(&self, identifier: &str, ip: &str) -> (bool, u64, Reason) {
        let client_info = ClientInfo::new().with_ip(ip.parse().unwrap());
        let decision = self.rust.limit(Attempt::new(identifier).with_client_info(&client_info)).await.unwrap();
        (decision.allowed, decision.limit, decision.reason)
    }
}

#[tokio::test]
async fn dynamic_limits_both_ways() {
    let mut both = Both::start().await;
    both.rust.set_dynamic_limit(Some(2)).await.unwrap();
    assert_eq!(both.javascript(json!({"do": "getDynamic"})).await["dynamicLimit"], 2);
    for (success, _) in [(true, 1), (true, 0), (false, 0)] {
        let answer = both.javascript(json!({"do": "limit", "identifier": "a", "ip": "10.0.0.1"})).await;
        assert_eq!((&answer["success"], &answer["limit"]), (&json!(success), &json!(2)));
    }
    assert_eq!(both.rust("a", "10.0.0.1").await, (false, 2, Reason::Counted));

    both.javascript(json!({"do": "setDynamic", "limit": 7})).await;
    assert_eq!(both.rust.dynamic_limit().await.unwrap(), Some(7));
    assert_eq!(both.rust("a", "10.0.0.1").await, (true, 7, Reason::Counted));
    both.javascript(json!({"do": "setDynamic", "limit": false})).await;
    assert_eq!(both.rust.dynamic_limit().await.unwrap(), None);
    assert_eq!(both.rust("a", "10.0.0.1").await, (true, 100, Reason::Counted));
}

#[tokio::test]
async fn deny_lists_both_ways() {
    let mut both = Both::start().await;
    both.rust.deny_list().add(["203.0.113.9", "mallory"]).await.unwrap();
    let answer = both.javascript(json!({"do": "limit", "identifier": "a", "ip": "203.0.113.9"})).await;
    assert_eq!(
        (&answer["success"], &answer["reason"], &answer["deniedValue"]),
        (&json!(false), &json!("denyList"), &json!("203.0.113.9"))
    );

    assert_eq!(both.rust("b", "192.0.2.66").await, (true, 100, Reason::Counted));
    both.javascript(json!({"do": "updateIpList"})).await;
    assert_eq!(both.rust("b", "192.0.2.66").await.2, Reason::Denied("192.0.2.66".into()));
    assert_eq!(both.rust("mallory", "10.0.0.1").await.2, Reason::Denied("mallory".into()));
    both.rust.deny_list().disable_ip_list().await.unwrap();
    let answer = both.javascript(json!({"do": "limit", "identifier": "b", "ip": "192.0.2.67"})).await;
    assert_eq!(answer["success"], true);

    // Turned off by JavaScript, it is not fetched.
    both.javascript(json!({"do": "updateIpList"})).await;
    both.javascript(json!({"do": "disableIpList"})).await;
    assert_eq!(both.rust("c", "192.0.2.67").await.2, Reason::Counted);
    assert_eq!(both.redis.get::<String>("shared:ipDenyListStatus").await.unwrap(), "disabled");
    assert!(!both.rust("mallory", "10.0.0.1").await.0, "what was put there by hand stays");
}

#[tokio::test]
async fn analytics_both_ways() {
    let mut both = Both::start().await;
    both.rust.set_dynamic_limit(Some(3)).await.unwrap();
    both.rust.deny_list().add(["203.0.113.9"]).await.unwrap();
    for _ in 0..2 {
        both.rust("u \"1\" é", "10.0.0.1").await;
        both.javascript(json!({"do": "limit", "identifier": "u \"1\" é", "ip": "10.0.0.1"})).await;
    }
    both.rust("x", "203.0.113.9").await;
    both.rust.background().finished().await;
    // One member for both languages: the same bytes. Over two hours, if the hour has just begun.
    let mut members = std::collections::BTreeSet::new();
    for key in both.redis.cmd("KEYS").arg("shared:events:*").query::<Vec<String>>().await.unwrap() {
        members.extend(both.redis.cmd("ZRANGE").key(key).arg(0).arg(-1).query::<Vec<String>>().await.unwrap());
    }
    assert_eq!(members.len(), 3, "{members:?}");
    let usage = both.rust.usage(Duration::from_secs(3_600)).await.unwrap();
    assert_eq!((usage["u \"1\" é"].success, usage["u \"1\" é"].blocked), (3, 1));
    assert_eq!(usage["203.0.113.9"].denied, 1);
    let theirs = both.javascript(json!({"do": "usage"})).await;
    assert_eq!(theirs["u \"1\" é"]["success"], 3, "{theirs}");
    assert_eq!(theirs["u \"1\" é"]["blocked"], 1, "{theirs}");
}
