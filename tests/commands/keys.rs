use crate::support::{Form, Stage, form};
use axum_upstash::redis::{ExpireCondition, ExpireTime, Redis, ScanOptions, Ttl};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTE: Duration = Duration::from_secs(60);

pub fn forms(redis: &Redis) -> Vec<Form> {
    let at = UNIX_EPOCH + MINUTE;
    vec![
        form(redis.copy("a", "b"), "COPY a b"),
        form(redis.copy_replace("a", "b"), "COPY a b REPLACE"),
        form(redis.del("a"), "DEL a"),
        form(redis.del(["a", "b"]), "DEL a b"),
        form(redis.unlink(vec!["a", "b"]), "UNLINK a b"),
        form(redis.exists(["a", "a"]), "EXISTS a a"),
        form(redis.touch("a"), "TOUCH a"),
        form(redis.expire("a", MINUTE), "PEXPIRE a 60000"),
        form(redis.expire_if("a", MINUTE, ExpireCondition::IfLater), "PEXPIRE a 60000 GT"),
        form(redis.expire_secs("a", 0), "EXPIRE a 0"),
        form(redis.expire_at("a", at), "PEXPIREAT a 60000"),
        form(redis.expire_at_if("a", at, ExpireCondition::IfPersistent), "PEXPIREAT a 60000 NX"),
        form(redis.expire_at_secs("a", 60), "EXPIREAT a 60"),
        form(redis.expire_time("a"), "PEXPIRETIME a"),
        form(redis.expire_time_secs("a"), "EXPIRETIME a"),
        form(redis.keys::<String>("u:*"), "KEYS u:*"),
        form(redis.persist("a"), "PERSIST a"),
        form(redis.ttl("a"), "PTTL a"),
        form(redis.ttl_secs("a"), "TTL a"),
        form(redis.randomkey::<String>(), "RANDOMKEY"),
        form(redis.rename("a", "b"), "RENAME a b"),
        form(redis.renamenx("a", "b"), "RENAMENX a b"),
        form(redis.scan::<String>("0", ScanOptions::new()), "SCAN 0"),
        form(
            redis.scan::<String>("7", ScanOptions::new().matching("u:*").count(100).of_type("hash")),
            "SCAN 7 MATCH u:* COUNT 100 TYPE hash",
        ),
        form(redis.scan_with_types::<String>("0", ScanOptions::new().count(5)), "SCAN 0 COUNT 5 WITHTYPE"),
        form(redis.key_type("a"), "TYPE a"),
        form(redis.dump("a"), "DUMP a"),
        form(redis.restore("a", b"dump"), "RESTORE a 0 dump"),
        form(redis.restore_replace("a", Some(MINUTE), b"dump"), "RESTORE a 60000 dump REPLACE"),
        form(redis.memory_usage("a"), "MEMORY USAGE a"),
        form(redis.object_encoding("a"), "OBJECT ENCODING a"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (a, b, none) = (stage.key("key"), stage.key("key"), stage.key("none"));
    redis.set(&a, "1").await.unwrap();
    assert!(redis.copy(&a, &b).await.unwrap());
    assert!(!redis.copy(&a, &b).await.unwrap());
    assert!(redis.copy_replace(&a, &b).await.unwrap());
    assert_eq!(redis.exists([&a, &a, &none]).await.unwrap(), 2);
    assert_eq!(redis.touch([&a, &b]).await.unwrap(), 2);
    assert_eq!(redis.ttl(&none).await.unwrap(), Ttl::Missing);
    assert_eq!(redis.ttl(&a).await.unwrap(), Ttl::Persistent);
    assert_eq!(redis.expire_time(&a).await.unwrap(), ExpireTime::Never);
    assert!(redis.expire(&a, MINUTE).await.unwrap());
    assert!(!redis.expire_if(&a, MINUTE / 2, ExpireCondition::IfLater).await.unwrap());
    assert!(redis.expire_if(&a, MINUTE * 2, ExpireCondition::IfLater).await.unwrap());
    assert!(matches!(redis.ttl(&a).await.unwrap(), Ttl::After(left) if left > MINUTE && left <= 2 * MINUTE));
    let at = UNIX_EPOCH + Duration::from_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 500);
    assert!(redis.expire_at(&a, at).await.unwrap());
    assert_eq!(redis.expire_time(&a).await.unwrap(), ExpireTime::At(at));
    assert_eq!(redis.expire_time_secs(&none).await.unwrap(), -2);
    assert!(redis.persist(&a).await.unwrap());
    assert!(redis.expire_at_secs(&a, 4_000_000_000).await.unwrap());
    assert!(redis.expire_secs(&b, 0).await.unwrap());
    assert_eq!(redis.exists(&b).await.unwrap(), 0);
    redis.rename(&a, &b).await.unwrap();
    redis.set(&a, "x").await.unwrap();
    assert!(!redis.renamenx(&a, &b).await.unwrap());
    assert_eq!(redis.key_type(&a).await.unwrap(), "string");
    assert_eq!(redis.object_encoding(&a).await.unwrap().as_deref(), Some("embstr"));
    assert!(redis.memory_usage(&a).await.unwrap().unwrap() > 0);
    assert!(redis.randomkey::<String>().await.unwrap().is_some());
    let dump = redis.dump(&a).await.unwrap().unwrap();
    redis.restore(&none, &dump).await.unwrap();
    redis.restore_replace(&none, Some(MINUTE), &dump).await.unwrap();
    assert_eq!(redis.get::<String>(&none).await.unwrap(), "x");
    assert_eq!(redis.unlink(&none).await.unwrap(), 1);
    let walk = stage.key("walk");
    for n in 0..30 {
        redis.set(format!("{walk}:{n}"), n).await.unwrap();
    }
    redis.hset(format!("{walk}:hash"), [("f", "v")]).await.unwrap();
    assert_eq!(redis.keys::<String>(format!("{walk}:*")).await.unwrap().len(), 31);
    let options = || ScanOptions::new().matching(format!("{walk}:*")).count(10);
    let (mut cursor, mut found, mut steps) = ("0".to_owned(), Vec::new(), 0);
    loop {
        let (next, keys) = redis.scan::<String>(&cursor, options().of_type("string")).await.unwrap();
        found.extend(keys);
        (cursor, steps) = (next, steps + 1);
        if cursor == "0" {
            break;
        }
        assert!(steps < 1000);
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 30);
    if let Ok((_, pairs)) = redis.scan_with_types::<String>("0", ScanOptions::new().count(10_000)).await {
        assert!(pairs.0.contains(&(format!("{walk}:hash"), "hash".to_owned())));
    }
    assert!(redis.del([format!("{walk}:0"), format!("{walk}:none")]).await.unwrap() == 1);
}
