use crate::support::{Form, Stage, form};
use axum_upstash::redis::{Redis, ScanOptions};
use std::collections::BTreeSet;

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.sadd("k", ["a", "b"]), "SADD k a b"),
        form(redis.srem("k", "a"), "SREM k a"),
        form(redis.scard("k"), "SCARD k"),
        form(redis.sdiff::<Vec<String>>(["a", "b"]), "SDIFF a b"),
        form(redis.sinter::<Vec<String>>(["a", "b"]), "SINTER a b"),
        form(redis.sunion::<Vec<String>>("a"), "SUNION a"),
        form(redis.sdiffstore("to", ["a", "b"]), "SDIFFSTORE to a b"),
        form(redis.sinterstore("to", ["a", "b"]), "SINTERSTORE to a b"),
        form(redis.sunionstore("to", ["a", "b"]), "SUNIONSTORE to a b"),
        form(redis.sintercard(["a", "b"], 0), "SINTERCARD 2 a b"),
        form(redis.sintercard(["a", "b"], 5), "SINTERCARD 2 a b LIMIT 5"),
        form(redis.sismember("k", "a"), "SISMEMBER k a"),
        form(redis.smismember("k", ["a", "b"]), "SMISMEMBER k a b"),
        form(redis.smembers::<Vec<String>>("k"), "SMEMBERS k"),
        form(redis.smove("a", "b", "m"), "SMOVE a b m"),
        form(redis.spop::<String>("k"), "SPOP k"),
        form(redis.spop_many::<String>("k", 2), "SPOP k 2"),
        form(redis.srandmember::<String>("k"), "SRANDMEMBER k"),
        form(redis.srandmember_many::<String>("k", -2), "SRANDMEMBER k -2"),
        form(redis.sscan::<String>("k", "0", ScanOptions::new().count(5)), "SSCAN k 0 COUNT 5"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (a, b, to) = (stage.key("set"), stage.key("set"), stage.key("set"));
    assert_eq!(redis.sadd(&a, ["1", "2", "3", "3"]).await.unwrap(), 3);
    assert_eq!(redis.sadd(&b, BTreeSet::from(["2", "3", "4"])).await.unwrap(), 3);
    let set = |items: &[i64]| items.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(redis.smembers::<BTreeSet<i64>>(&a).await.unwrap(), set(&[1, 2, 3]));
    assert_eq!(redis.sdiff::<BTreeSet<i64>>([&a, &b]).await.unwrap(), set(&[1]));
    assert_eq!(redis.sinter::<BTreeSet<i64>>([&a, &b]).await.unwrap(), set(&[2, 3]));
    assert_eq!(redis.sunion::<BTreeSet<i64>>([&a, &b]).await.unwrap(), set(&[1, 2, 3, 4]));
    assert_eq!(redis.sintercard([&a, &b], 1).await.unwrap(), 1);
    assert_eq!(redis.sdiffstore(&to, [&a, &b]).await.unwrap(), 1);
    assert_eq!(redis.sinterstore(&to, [&a, &b]).await.unwrap(), 2);
    assert_eq!(redis.sunionstore(&to, [&a, &b]).await.unwrap(), 4);
    assert!(redis.sismember(&to, 4).await.unwrap());
    assert_eq!(redis.smismember(&a, ["1", "4"]).await.unwrap(), [true, false]);
    assert!(redis.smove(&a, &b, "1").await.unwrap());
    assert!(!redis.smove(&a, &b, "1").await.unwrap());
    assert_eq!(redis.srem(&b, ["1", "9"]).await.unwrap(), 1);
    assert!(redis.srandmember::<Option<i64>>(&b).await.unwrap().is_some());
    assert_eq!(redis.srandmember_many::<i64>(&b, -7).await.unwrap().len(), 7);
    let (cursor, members) = redis.sscan::<i64>(&b, "0", ScanOptions::new()).await.unwrap();
    assert_eq!((cursor.as_str(), members.len()), ("0", 3));
    assert_eq!(redis.spop_many::<i64>(&b, 2).await.unwrap().len(), 2);
    assert!(redis.spop::<Option<i64>>(&b).await.unwrap().is_some());
    assert_eq!(redis.spop::<Option<i64>>(&b).await.unwrap(), None);
    assert_eq!(redis.scard(&b).await.unwrap(), 0);
}
