use crate::support::{Form, Stage, form};
use axum_upstash::redis::{
    ExpireCondition, ExpireTime, Expiry, FieldExpiry, FieldPersist, FieldsCondition, Pairs, Redis, ScanOptions,
    SetExpiry, Ttl,
};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, UNIX_EPOCH},
};

const MINUTE: Duration = Duration::from_secs(60);

pub fn forms(redis: &Redis) -> Vec<Form> {
    let at = UNIX_EPOCH + MINUTE;
    vec![
        form(redis.hdel("k", ["f", "g"]), "HDEL k f g"),
        form(redis.hexists("k", "f"), "HEXISTS k f"),
        form(redis.hlen("k"), "HLEN k"),
        form(redis.hstrlen("k", "f"), "HSTRLEN k f"),
        form(redis.hget::<String>("k", "f"), "HGET k f"),
        form(redis.hgetall::<HashMap<String, String>>("k"), "HGETALL k"),
        form(redis.hmget::<String>("k", ["f", "g"]), "HMGET k f g"),
        form(redis.hset("k", [("f", 1), ("g", 2)]), "HSET k f 1 g 2"),
        form(redis.hset("k", &BTreeMap::from([("f", "v")])), "HSET k f v"),
        form(redis.hmset("k", [("f", "v")]), "HMSET k f v"),
        form(redis.hsetnx("k", "f", "v"), "HSETNX k f v"),
        form(redis.hincrby("k", "f", -1), "HINCRBY k f -1"),
        form(redis.hincrbyfloat("k", "f", 0.5), "HINCRBYFLOAT k f 0.5"),
        form(redis.hkeys::<Vec<String>>("k"), "HKEYS k"),
        form(redis.hvals::<Vec<String>>("k"), "HVALS k"),
        form(redis.hrandfield::<String>("k"), "HRANDFIELD k"),
        form(redis.hrandfield_many::<String>("k", -2), "HRANDFIELD k -2"),
        form(redis.hrandfield_with_values::<String>("k", 2), "HRANDFIELD k 2 WITHVALUES"),
        form(redis.hscan::<String>("k", "0", ScanOptions::new().matching("f*")), "HSCAN k 0 MATCH f*"),
        form(redis.hexpire("k", MINUTE, ["f", "g"]), "HPEXPIRE k 60000 FIELDS 2 f g"),
        form(redis.hexpire_if("k", MINUTE, ExpireCondition::IfEarlier, "f"), "HPEXPIRE k 60000 LT FIELDS 1 f"),
        form(redis.hexpire_secs("k", 60, "f"), "HEXPIRE k 60 FIELDS 1 f"),
        form(redis.hexpire_at("k", at, "f"), "HPEXPIREAT k 60000 FIELDS 1 f"),
        form(redis.hexpire_at_if("k", at, ExpireCondition::IfExpiring, "f"), "HPEXPIREAT k 60000 XX FIELDS 1 f"),
        form(redis.hexpire_at_secs("k", 60, "f"), "HEXPIREAT k 60 FIELDS 1 f"),
        form(redis.hexpire_time("k", "f"), "HPEXPIRETIME k FIELDS 1 f"),
        form(redis.hexpire_time_secs("k", "f"), "HEXPIRETIME k FIELDS 1 f"),
        form(redis.httl("k", "f"), "HPTTL k FIELDS 1 f"),
        form(redis.httl_secs("k", ["f", "g"]), "HTTL k FIELDS 2 f g"),
        form(redis.hpersist("k", "f"), "HPERSIST k FIELDS 1 f"),
        form(redis.hgetdel::<String>("k", ["f", "g"]), "HGETDEL k FIELDS 2 f g"),
        form(redis.hgetex::<String>("k", Expiry::After(MINUTE), "f"), "HGETEX k PX 60000 FIELDS 1 f"),
        form(redis.hgetex::<String>("k", Expiry::Persist, "f"), "HGETEX k PERSIST FIELDS 1 f"),
        form(redis.hsetex("k", SetExpiry::After(MINUTE), [("f", "v")]), "HSETEX k PX 60000 FIELDS 1 f v"),
        form(
            redis.hsetex_if("k", FieldsCondition::NoneExist, SetExpiry::Keep, [("f", "v"), ("g", "w")]),
            "HSETEX k FNX KEEPTTL FIELDS 2 f v g w",
        ),
        form(
            redis.hsetex_if("k", FieldsCondition::AllExist, SetExpiry::At(at), [("f", "v")]),
            "HSETEX k FXX PXAT 60000 FIELDS 1 f v",
        ),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let k = stage.key("hash");
    assert_eq!(redis.hset(&k, [("a", "1"), ("b", "two")]).await.unwrap(), 2);
    assert_eq!(redis.hset(&k, [("a", "3")]).await.unwrap(), 0);
    redis.hmset(&k, [("c", "x")]).await.unwrap();
    assert!(!redis.hsetnx(&k, "a", "9").await.unwrap());
    assert_eq!(redis.hget::<i64>(&k, "a").await.unwrap(), 3);
    assert_eq!(redis.hget::<Option<i64>>(&k, "none").await.unwrap(), None);
    assert_eq!(redis.hmget::<Option<String>>(&k, ["b", "none"]).await.unwrap(), [Some("two".into()), None]);
    let all: BTreeMap<String, String> = redis.hgetall(&k).await.unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(redis.hincrby(&k, "a", 2).await.unwrap(), 5);
    assert!((redis.hincrbyfloat(&k, "a", 0.5).await.unwrap() - 5.5).abs() < f64::EPSILON);
    assert!(redis.hexists(&k, "b").await.unwrap());
    assert_eq!((redis.hlen(&k).await.unwrap(), redis.hstrlen(&k, "b").await.unwrap()), (3, 3));
    assert_eq!(redis.hkeys::<Vec<String>>(&k).await.unwrap().len(), 3);
    assert!(redis.hvals::<Vec<String>>(&k).await.unwrap().contains(&"two".to_owned()));
    assert!(redis.hrandfield::<String>(&k).await.unwrap().is_some());
    assert_eq!(redis.hrandfield_many::<String>(&k, -5).await.unwrap().len(), 5);
    let Pairs(two) = redis.hrandfield_with_values::<String>(&k, 2).await.unwrap();
    assert_eq!(two.len(), 2);
    let (cursor, Pairs(fields)) = redis.hscan::<String>(&k, "0", ScanOptions::new().matching("b")).await.unwrap();
    assert_eq!((cursor.as_str(), fields), ("0", vec![("b".into(), "two".into())]));
    assert_eq!(redis.hdel(&k, ["b", "none"]).await.unwrap(), 1);

    if stage.knows("HPEXPIRE").await {
        expiry(stage).await;
    }
}

async fn expiry(stage: &Stage) {
    let redis = &stage.redis;
    let k = stage.key("hash");
    redis.hset(&k, [("a", "1"), ("b", "2"), ("c", "3")]).await.unwrap();
    let set = redis.hexpire(&k, MINUTE, ["a", "none"]).await.unwrap();
    assert_eq!(set, [FieldExpiry::Set, FieldExpiry::NoField]);
    let met = redis.hexpire_if(&k, MINUTE * 2, ExpireCondition::IfPersistent, ["a", "b"]).await.unwrap();
    assert_eq!(met, [FieldExpiry::NotMet, FieldExpiry::Set]);
    let left = redis.httl(&k, ["a", "c", "none"]).await.unwrap();
    assert!(matches!(left[..], [Ttl::After(left), Ttl::Persistent, Ttl::Missing] if left <= MINUTE));
    assert_eq!(redis.httl_secs(&k, "c").await.unwrap(), [-1]);
    let at = UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    assert_eq!(redis.hexpire_at(&k, at, "a").await.unwrap(), [FieldExpiry::Set]);
    assert_eq!(redis.hexpire_time(&k, "a").await.unwrap(), [ExpireTime::At(at)]);
    assert_eq!(redis.hexpire_at_if(&k, at, ExpireCondition::IfLater, "a").await.unwrap(), [FieldExpiry::NotMet]);
    assert_eq!(redis.hexpire_at_secs(&k, 4_000_000_001, "a").await.unwrap(), [FieldExpiry::Set]);
    assert_eq!(redis.hexpire_time_secs(&k, "a").await.unwrap(), [4_000_000_001]);
    assert_eq!(redis.hexpire_secs(&k, 50, "a").await.unwrap(), [FieldExpiry::Set]);
    let persisted = redis.hpersist(&k, ["a", "c", "none"]).await.unwrap();
    assert_eq!(persisted, [FieldPersist::Persisted, FieldPersist::NoExpiry, FieldPersist::NoField]);
    assert_eq!(redis.hexpire_at(&k, UNIX_EPOCH + MINUTE, "b").await.unwrap(), [FieldExpiry::Deleted]);
    assert_eq!(redis.hlen(&k).await.unwrap(), 2);

    if !stage.knows("HGETDEL").await {
        return;
    }
    assert_eq!(redis.hgetex::<i64>(&k, Expiry::After(MINUTE), "c").await.unwrap(), [3]);
    assert!(redis.httl_secs(&k, "c").await.unwrap()[0] > 0);
    assert!(redis.hsetex(&k, SetExpiry::After(MINUTE), [("d", "4")]).await.unwrap());
    let condition = FieldsCondition::NoneExist;
    assert!(!redis.hsetex_if(&k, condition, SetExpiry::Keep, [("d", "5"), ("e", "5")]).await.unwrap());
    let taken = redis.hgetdel::<Option<i64>>(&k, ["d", "e"]).await.unwrap();
    assert_eq!(taken, [Some(4), None]);
    assert!(!redis.hexists(&k, "d").await.unwrap());
}
