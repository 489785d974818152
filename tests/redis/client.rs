use crate::support::{Wire, upstash};
use axum_upstash::{
    ErrorKind,
    redis::{Cmd, Json, KeyLocking, Redis, Script, SetOptions},
};
use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

#[tokio::test]
async fn values_come_back_as_the_type_the_caller_names() {
    let (_local, redis) = upstash().await;
    redis.set("text", "101600000000150081467").await.unwrap();
    assert_eq!(redis.get::<String>("text").await.unwrap(), "101600000000150081467");
    assert_eq!(redis.get::<Option<String>>("absent").await.unwrap(), None);
    assert_eq!(redis.incrby("number", i64::MAX).await.unwrap(), i64::MAX);
    assert_eq!(redis.get::<i64>("number").await.unwrap(), i64::MAX);
    redis.set("json", r#"{"a":[1,2]}"#).await.unwrap();
    let Json(value) = redis.get::<Json<BTreeMap<String, Vec<u8>>>>("json").await.unwrap();
    assert_eq!(value, BTreeMap::from([("a".to_owned(), vec![1, 2])]));
    let error = redis.get::<i64>("json").await.unwrap_err();
    assert_eq!((error.kind(), error.operation(), error.key()), (ErrorKind::Decode, Some("GET"), Some("json")));
    assert!(!error.to_string().contains("[1,2]"), "{error}");
}

#[tokio::test]
async fn bytes_go_in_and_out_unchanged() {
    let (_local, redis) = upstash().await;
    let value: Vec<u8> = (0..=255).collect();
    redis.set_with("a/b?c&d=e %", value.as_slice(), SetOptions::new().expire(Duration::from_secs(60))).await.unwrap();
    assert_eq!(redis.get::<bytes::Bytes>("a/b?c&d=e %").await.unwrap(), value);
    let left = redis.cmd("PTTL").key("a/b?c&d=e %").query::<i64>().await.unwrap();
    assert!((1..=60_000).contains(&left), "{left}");
    let key = [0xff_u8, b'/', 0x00];
    redis.set(key, "found").await.unwrap();
    assert_eq!(redis.get::<String>(key).await.unwrap(), "found");
    redis.set(b"literal", b"\x00text").await.unwrap();
    assert_eq!(redis.get::<Vec<u8>>("literal").await.unwrap(), b"\x00text");
    // URL parsers would take the dots out of the path, and the rest would be another command.
    let error = redis.cmd("RPUSH").key("list").arg("..").arg([0xff_u8]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = redis.cmd("SET").key("k").arg([0xff_u8].as_slice()).arg("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_pipeline_is_one_request_and_an_error_reaches_only_its_command() {
    let (local, redis) = upstash().await;
    let before = local.requests();
    let mut pipe = redis.pipeline();
    let set = pipe.set("k", "text");
    let wrong = pipe.incr("k");
    let value = pipe.get::<String>("k");
    let any = pipe.issue::<u64>(Cmd::new("STRLEN").key("k"));
    let mut results = pipe.exec().await.unwrap();
    assert_eq!(local.requests() - before, 1);
    results.take(set).unwrap();
    let error = results.take(wrong).unwrap_err();
    assert_eq!((error.kind(), error.operation(), error.key()), (ErrorKind::Refused, Some("INCR"), Some("k")));
    assert_eq!(results.take(value).unwrap(), "text");
    assert_eq!(results.take(any).unwrap(), 4);
    let foreign = redis.pipeline().get::<String>("k");
    assert_eq!(results.take(foreign).unwrap_err().kind(), ErrorKind::InvalidInput, "a slot of another pipeline");

    let before = local.requests();
    assert_eq!(redis.pipeline().exec().await.unwrap().into_replies().len(), 0);
    assert_eq!(local.requests(), before, "an empty pipeline sends nothing");
}

#[tokio::test]
async fn a_transaction_runs_as_one_or_not_at_all() {
    let (_local, redis) = upstash().await;
    let mut transaction = redis.transaction();
    let first = transaction.incr("n");
    let second = transaction.incr("n");
    let mut results = transaction.exec().await.unwrap();
    assert_eq!((results.take(first).unwrap(), results.take(second).unwrap()), (1, 2));

    let mut transaction = redis.transaction();
    transaction.incr("n");
    transaction.issue::<()>(Cmd::new("NOSUCHCOMMAND").arg("secret"));
    let error = transaction.exec().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted, "{error}");
    assert!(!format!("{error:?}").contains("secret"));
    assert_eq!(redis.get::<i64>("n").await.unwrap(), 2);
}

#[tokio::test]
async fn errors_have_kinds_and_show_no_secrets() {
    let (local, redis) = upstash().await;
    redis.sadd("set", ["a"]).await.unwrap();
    assert_eq!(redis.get::<String>("set").await.unwrap_err().kind(), ErrorKind::WrongType);
    let stranger = Redis::new(local.url(), "not-the-token-xyz").unwrap();
    let error = stranger.get::<String>("k").await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)));
    for shown in [format!("{error:?}{error}"), format!("{stranger:?}")] {
        assert!(!shown.contains("not-the-token-xyz"), "{shown}");
    }
}

static ADD: Script = Script::new("return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[2]}");

#[tokio::test]
async fn a_script_is_sent_whole_only_once() {
    let local = axum_upstash::local::LocalRedis::start().await.unwrap();
    for (mode, first) in [(KeyLocking::Auto, 2), (KeyLocking::Off, 2), (KeyLocking::On, 1)] {
        let redis = Redis::builder(local.url(), local.token()).key_locking(mode).build().unwrap();
        let call = || redis.script(&ADD).key("n").arg(2).arg("text").query::<(i64, String)>();
        let before = local.requests();
        let (one, text) = call().await.unwrap();
        assert_eq!(local.requests() - before, first, "{mode:?}: EVALSHA, and EVAL where the server has it not yet");
        let before = local.requests();
        assert_eq!(call().await.unwrap(), (one + 2, text));
        assert_eq!(local.requests() - before, 1, "{mode:?}");
    }
}

#[tokio::test]
async fn only_what_is_safe_is_repeated() {
    let (local, _) = upstash().await;
    let wire = Wire::new();
    let redis = wire.redis(&local);
    redis.set("n", 1).await.unwrap();
    wire.take();

    wire.lose_answers.store(true, Ordering::SeqCst);
    assert_eq!(redis.get::<i64>("n").await.unwrap(), 1, "a read is sent again");
    assert_eq!(wire.take(), 2);

    wire.lose_answers.store(true, Ordering::SeqCst);
    let error = redis.incr("n").await.unwrap_err();
    assert_eq!((error.kind(), wire.take()), (ErrorKind::Interrupted, 1), "an increment is not");
    assert_eq!(redis.get::<i64>("n").await.unwrap(), 2);

    wire.lose_answers.store(true, Ordering::SeqCst);
    redis.set("n", 7).repeatable().await.unwrap();
    wire.take();

    wire.lose_requests.store(true, Ordering::SeqCst);
    let error = redis.incr("n").await.unwrap_err();
    assert_eq!((error.kind(), wire.take()), (ErrorKind::Connect, 4), "what never left is sent again, three times");
    let retried = wire.seen.lock().unwrap().last().unwrap()["upstash-telemetry-retry"].clone();
    assert_eq!(retried, "3");
}

#[tokio::test]
async fn the_sync_token_of_each_answer_goes_out_with_the_next_request() {
    let (local, _) = upstash().await;
    let wire = Wire::new();
    let redis = wire.redis(&local);
    for _ in 0..3 {
        redis.incr("n").await.unwrap();
    }
    let sent: Vec<String> = wire
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|headers| headers["upstash-sync-token"].to_str().unwrap().to_owned())
        .collect();
    assert_eq!(sent[0], "");
    assert!(!sent[1].is_empty() && !sent[2].is_empty() && sent[1] != sent[2], "{sent:?}");
}

#[tokio::test]
async fn telemetry_is_sent_unless_turned_off() {
    let (local, _) = upstash().await;
    for telemetry in [true, false] {
        let wire = Wire::new();
        let redis =
            Redis::builder(local.url(), local.token()).transport(wire.clone()).telemetry(telemetry).build().unwrap();
        redis.incr("n").await.unwrap();
        let seen = wire.seen.lock().unwrap();
        assert_eq!(seen[0].contains_key("upstash-telemetry-sdk"), telemetry);
    }
}
