use crate::support::{Form, Stage, form};
use axum_upstash::redis::{Compare, Expiry, Redis, SetOptions};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTE: Duration = Duration::from_secs(60);

pub fn forms(redis: &Redis) -> Vec<Form> {
    let at = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_400);
    vec![
        form(redis.append("k", "v"), "APPEND k v"),
        form(redis.decr("k"), "DECR k"),
        form(redis.decrby("k", 2), "DECRBY k 2"),
        form(redis.get::<String>("k"), "GET k"),
        form(redis.getdel::<String>("k"), "GETDEL k"),
        form(redis.getex::<String>("k", Expiry::After(Duration::from_micros(1))), "GETEX k PX 1"),
        form(redis.getex::<String>("k", Expiry::At(at)), "GETEX k PXAT 1700000000124"),
        form(redis.getex::<String>("k", Expiry::Persist), "GETEX k PERSIST"),
        form(redis.getrange::<String>("k", 0, -1), "GETRANGE k 0 -1"),
        form(redis.getset::<String>("k", "v"), "GETSET k v"),
        form(redis.incr("k"), "INCR k"),
        form(redis.incrby("k", -3), "INCRBY k -3"),
        form(redis.incrbyfloat("k", 1.5), "INCRBYFLOAT k 1.5"),
        form(redis.mget::<String>("k"), "MGET k"),
        form(redis.mget::<String>(["a", "b"]), "MGET a b"),
        form(redis.mset([("a", 1), ("b", 2)]), "MSET a 1 b 2"),
        form(redis.msetnx([("a", "1")]), "MSETNX a 1"),
        form(redis.psetex("k", MINUTE, "v"), "PSETEX k 60000 v"),
        form(redis.set("k", ""), "SET k \"\""),
        form(redis.set_with("k", "v", SetOptions::new().if_absent().expire(MINUTE)), "SET k v NX PX 60000"),
        form(redis.set_with("k", "v", SetOptions::new().if_present().expire_at(at)), "SET k v XX PXAT 1700000000124"),
        form(
            redis.set_with("k", "v", SetOptions::new().only_if(Compare::Equal(b"w".to_vec())).keep_ttl()),
            "SET k v IFEQ w KEEPTTL",
        ),
        form(redis.set_get::<String>("k", "v", SetOptions::new()), "SET k v GET"),
        form(redis.setex("k", 10, "v"), "SETEX k 10 v"),
        form(redis.setnx("k", "v"), "SETNX k v"),
        form(redis.setrange("k", 6, "v"), "SETRANGE k 6 v"),
        form(redis.strlen("k"), "STRLEN k"),
        form(redis.delex("k", Compare::NotEqual(b"v".to_vec())), "DELEX k IFNE v"),
        form(redis.delex("k", Compare::DigestEqual("0f".into())), "DELEX k IFDEQ 0f"),
        form(redis.delex("k", Compare::DigestNotEqual("0f".into())), "DELEX k IFDNE 0f"),
        form(redis.digest("k"), "DIGEST k"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (k, other) = (stage.key("string"), stage.key("string"));
    assert!(redis.set_with(&k, "1", SetOptions::new().if_absent()).await.unwrap());
    assert!(!redis.set_with(&k, "2", SetOptions::new().if_absent()).await.unwrap());
    assert_eq!(redis.set_get::<Option<String>>(&k, "2", SetOptions::new()).await.unwrap().as_deref(), Some("1"));
    assert_eq!(redis.getset::<i64>(&k, 5).await.unwrap(), 2);
    assert_eq!(redis.incr(&k).await.unwrap(), 6);
    assert_eq!(redis.incrby(&k, 4).await.unwrap(), 10);
    assert_eq!(redis.decr(&k).await.unwrap(), 9);
    assert_eq!(redis.decrby(&k, 9).await.unwrap(), 0);
    assert!((redis.incrbyfloat(&k, 1.5).await.unwrap() - 1.5).abs() < f64::EPSILON);
    redis.set(&k, i64::MAX).await.unwrap();
    assert_eq!(redis.get::<i64>(&k).await.unwrap(), i64::MAX);
    assert_eq!(redis.get::<String>(&k).await.unwrap(), "9223372036854775807");
    redis.mset([(&k, "a"), (&other, "b")]).await.unwrap();
    assert!(!redis.msetnx([(&k, "x")]).await.unwrap());
    let none = stage.key("none");
    let values = redis.mget::<Option<String>>([&k, &none, &other]).await.unwrap();
    assert_eq!(values, [Some("a".into()), None, Some("b".into())]);
    assert_eq!(redis.append(&k, "bc").await.unwrap(), 3);
    assert_eq!(redis.strlen(&k).await.unwrap(), 3);
    assert_eq!(redis.getrange::<String>(&k, 1, -1).await.unwrap(), "bc");
    assert_eq!(redis.setrange(&k, 1, "BC!").await.unwrap(), 4);
    assert_eq!(redis.getdel::<Option<String>>(&k).await.unwrap().as_deref(), Some("aBC!"));
    assert_eq!(redis.get::<Option<String>>(&k).await.unwrap(), None);
    assert!(redis.setnx(&k, "v").await.unwrap());
    assert_eq!(redis.getex::<String>(&k, Expiry::After(MINUTE)).await.unwrap(), "v");
    assert!((1..=60).contains(&redis.ttl_secs(&k).await.unwrap()));
    redis.setex(&k, 100, "v").await.unwrap();
    assert!((61..=100).contains(&redis.ttl_secs(&k).await.unwrap()));
    redis.psetex(&k, MINUTE, "v").await.unwrap();
    redis.set_with(&k, "w", SetOptions::new().expire_at(SystemTime::now() + 10 * MINUTE)).await.unwrap();
    assert!((500..=600).contains(&redis.ttl_secs(&k).await.unwrap()));
    if stage.knows("DIGEST").await {
        let digest = redis.digest(&k).await.unwrap().unwrap();
        assert!(!redis.delex(&k, Compare::DigestNotEqual(digest)).await.unwrap());
        assert!(redis.delex(&k, Compare::Equal(b"w".to_vec())).await.unwrap());
    }
}
