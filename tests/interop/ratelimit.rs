//! `@upstash/ratelimit` and our limiter counting the same requests.

use crate::times::{now_ms, unix_ms};
use std::time::Duration;

use axum_upstash::{
    local::LocalRedis,
    ratelimit::{Algorithm, Attempt, Decision, FixedWindow, Rate, Ratelimit, Reason, SlidingWindow, TokenBucket},
    redis::Redis,
};
use serde::Deserialize;
use serde_json::json;

use crate::node::Conversation;

const LIMIT: u32 = 10;
const IDENTIFIER: &str = "user:日本語";

/// The same limit, as either language sees it.
struct Shared {
    name: &'static str,
    rust: Ratelimit,
    javascript: Conversation,
    _local: LocalRedis,
}

/// The answer of the JavaScript limiter, and the commands that it sent for it.
#[derive(Debug, Deserialize)]
struct Answer {
    success: Option<bool>,
    limit: u64,
    remaining: u64,
    reset: u64,
    commands: Vec<(String, String)>,
}

impl Shared {
    async fn all() -> Vec<Self> {
        let window = long_window();
        let algorithms: [(&str, Algorithm); 3] = [
            ("fixedWindow", FixedWindow::new(LIMIT, window).into()),
            ("slidingWindow", SlidingWindow::new(LIMIT, window).into()),
            ("tokenBucket", TokenBucket::new(LIMIT, Rate::new(LIMIT, window)).into()),
        ];
        let mut all = Vec::new();
        for (name, algorithm) in algorithms {
            let local = LocalRedis::start().await.unwrap();
            let redis = Redis::new(local.url(), local.token()).unwrap();
            let rust = Ratelimit::new(redis, algorithm).with_prefix("shared");
            // Every answer has to come from Redis.
            let rust = rust.with_timeout(Duration::from_secs(20)).with_block_cache(None);
            let settings = json!({
                "algorithm": name,
                "limit": LIMIT,
                "windowMs": window.as_millis(),
                "prefix": "shared",
                "identifier": IDENTIFIER,
            });
            let javascript = Conversation::start("ratelimit", &local, "LIMITER", &settings);
            all.push(Self { name, rust, javascript, _local: local });
        }
        all
    }

    async fn javascript(&mut self, cost: u32) -> Answer {
        self.order(json!({"limit": cost})).await
    }

    async fn javascript_remaining(&mut self) -> Answer {
        self.order(json!({"remaining": true})).await
    }

    async fn order(&mut self, order: serde_json::Value) -> Answer {
        serde_json::from_value(self.javascript.ask(&order).await).unwrap()
    }

    async fn rust(&self, cost: u32) -> Decision {
        let decision = match cost {
            0 => self.rust.remaining(IDENTIFIER).await.unwrap(),
            cost => self.rust.limit(Attempt::new(IDENTIFIER).with_cost(cost)).await.unwrap(),
        };
        assert_eq!(decision.reason, Reason::Counted, "{}", self.name);
        decision
    }
}

/// An hour or somewhat more: windows begin at the Unix epoch, and none may end while a test runs.
fn long_window() -> Duration {
    let now = now_ms() / 1000;
    let seconds = (3600..).step_by(60).find(|seconds| seconds - now % seconds > 60).unwrap();
    Duration::from_secs(seconds)
}

#[track_caller]
fn assert_passed(answer: &Answer, remaining: u64) {
    assert_eq!((answer.success, answer.limit, answer.remaining), (Some(true), 10, remaining), "{answer:?}");
}

#[track_caller]
fn assert_agree(name: &str, decision: &Decision, answer: &Answer) {
    let ours = (decision.limit, decision.remaining, unix_ms(decision.reset()));
    assert_eq!(ours, (answer.limit, answer.remaining, answer.reset), "{name}: {decision:?}, {answer:?}");
}

#[tokio::test]
async fn what_javascript_takes_is_gone_for_rust() {
    for mut shared in Shared::all().await {
        let name = shared.name;
        let first = shared.javascript(3).await;
        assert_passed(&first, 7);
        assert_agree(name, &shared.rust(0).await, &first);

        let ours = shared.rust(2).await;
        assert_eq!((ours.allowed, ours.remaining), (true, 5), "{name}");
        assert_agree(name, &ours, &shared.javascript_remaining().await);

        let again = shared.javascript(1).await;
        assert_passed(&again, 4);
        assert_eq!(shared.rust(1).await.remaining, 3, "{name}");
        assert_passed(&shared.javascript(3).await, 0);

        let refused = shared.rust(1).await;
        assert!(!refused.allowed && refused.retry_after.is_some(), "{name}: {refused:?}");
        let theirs = shared.javascript(1).await;
        assert_eq!(theirs.success, Some(false), "{name}");
        assert_agree(name, &refused, &theirs);

        // Their script begins with the flag that plain Redis refuses. It goes out once, and then its hash is enough.
        let [(by_hash, hash), (by_text, line)] = &first.commands[..] else { panic!("{name}: {first:?}") };
        assert_eq!((&**by_hash, &**by_text, &**line), ("evalsha", "eval", "#!lua flags=allow-key-locking"), "{name}");
        assert_eq!(again.commands, [("evalsha".to_owned(), hash.clone())], "{name}");
    }
}

#[tokio::test]
async fn what_rust_takes_is_gone_for_javascript() {
    for mut shared in Shared::all().await {
        let name = shared.name;
        let first = shared.rust(4).await;
        assert_eq!((first.allowed, first.remaining), (true, 6), "{name}");
        assert_agree(name, &first, &shared.javascript_remaining().await);
        assert_passed(&shared.javascript(4).await, 2);

        // What we refuse takes nothing from them.
        let too_much = shared.rust(5).await;
        assert_eq!((too_much.allowed, too_much.remaining), (false, 2), "{name}");
        assert_passed(&shared.javascript(1).await, 1);
        let last = shared.rust(1).await;
        assert_eq!((last.allowed, last.remaining), (true, 0), "{name}");

        // Two of their refusals, which a fixed window of theirs counts, and one of ours.
        for _ in 0..2 {
            let refused = shared.javascript(1).await;
            assert_eq!((refused.success, refused.remaining), (Some(false), 0), "{name}");
            assert_agree(name, &shared.rust(1).await, &refused);
        }
        assert!(!shared.rust(1).await.allowed, "{name}");

        shared.rust.reset_used_tokens(IDENTIFIER).await.unwrap();
        assert_passed(&shared.javascript(1).await, 9);
    }
}

#[tokio::test]
async fn of_requests_in_both_languages_at_once_exactly_the_limit_passes() {
    for Shared { name, rust, mut javascript, _local } in Shared::all().await {
        // Both have their connections and scripts before the race.
        javascript.ask(&json!({"limit": 1})).await;
        rust.limit(IDENTIFIER).await.unwrap();
        let ours = tokio::spawn(async move {
            let mut passed = 0;
            for _ in 0..LIMIT {
                passed += u32::from(rust.limit(IDENTIFIER).await.unwrap().allowed);
            }
            passed
        });
        let mut theirs = 0;
        for _ in 0..LIMIT {
            theirs += u32::from(javascript.ask(&json!({"limit": 1})).await["success"] == true);
        }
        assert_eq!(2 + theirs + ours.await.unwrap(), LIMIT, "{name}");
    }
}
