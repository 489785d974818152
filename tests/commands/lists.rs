use crate::support::{Form, Stage, form};
use axum_upstash::redis::{LPosOptions, Redis, Side};

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.lindex::<String>("k", -1), "LINDEX k -1"),
        form(redis.linsert_before("k", "p", "v"), "LINSERT k BEFORE p v"),
        form(redis.linsert_after("k", "p", "v"), "LINSERT k AFTER p v"),
        form(redis.llen("k"), "LLEN k"),
        form(redis.lmove::<String>("a", "b", Side::Left, Side::Right), "LMOVE a b LEFT RIGHT"),
        form(redis.rpoplpush::<String>("a", "b"), "RPOPLPUSH a b"),
        form(redis.lmpop::<String>(["a", "b"], Side::Right, 3), "LMPOP 2 a b RIGHT COUNT 3"),
        form(redis.lpop::<String>("k"), "LPOP k"),
        form(redis.lpop_many::<String>("k", 2), "LPOP k 2"),
        form(redis.rpop::<String>("k"), "RPOP k"),
        form(redis.rpop_many::<String>("k", 2), "RPOP k 2"),
        form(redis.lpos("k", "v", LPosOptions::new()), "LPOS k v"),
        form(redis.lpos_many("k", "v", 0, LPosOptions::new().rank(-1).max_len(9)), "LPOS k v RANK -1 COUNT 0 MAXLEN 9"),
        form(redis.lpush("k", [1, 2]), "LPUSH k 1 2"),
        form(redis.lpushx("k", "v"), "LPUSHX k v"),
        form(redis.rpush("k", "v"), "RPUSH k v"),
        form(redis.rpushx("k", ["v", "w"]), "RPUSHX k v w"),
        form(redis.lrange::<String>("k", 0, -1), "LRANGE k 0 -1"),
        form(redis.lrem("k", -1, "v"), "LREM k -1 v"),
        form(redis.lset("k", 0, "v"), "LSET k 0 v"),
        form(redis.ltrim("k", 0, 9), "LTRIM k 0 9"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (a, b, none) = (stage.key("list"), stage.key("list"), stage.key("none"));
    assert_eq!(redis.lpushx(&a, "x").await.unwrap(), 0);
    assert_eq!(redis.rpush(&a, ["b", "c"]).await.unwrap(), 2);
    assert_eq!(redis.lpush(&a, "a").await.unwrap(), 3);
    assert_eq!(redis.rpushx(&a, "d").await.unwrap(), 4);
    assert_eq!(redis.lrange::<String>(&a, 0, -1).await.unwrap(), ["a", "b", "c", "d"]);
    assert_eq!(redis.lindex::<Option<String>>(&a, 9).await.unwrap(), None);
    assert_eq!(redis.linsert_before(&a, "b", "ab").await.unwrap(), 5);
    assert_eq!(redis.linsert_after(&a, "none", "x").await.unwrap(), -1);
    assert_eq!(redis.lpos(&a, "c", LPosOptions::new()).await.unwrap(), Some(3));
    assert_eq!(redis.lpos(&a, "none", LPosOptions::new()).await.unwrap(), None);
    assert_eq!(redis.lpos_many(&a, "c", 0, LPosOptions::new().rank(-1)).await.unwrap(), [3]);
    redis.lset(&a, 0, "A").await.unwrap();
    assert_eq!(redis.lmove::<String>(&a, &b, Side::Left, Side::Right).await.unwrap(), "A");
    assert_eq!(redis.rpoplpush::<String>(&a, &b).await.unwrap(), "d");
    assert_eq!(redis.lrange::<String>(&b, 0, -1).await.unwrap(), ["d", "A"]);
    let popped = redis.lmpop::<String>([&none, &b], Side::Left, 5).await.unwrap();
    assert_eq!(popped, Some((b.clone(), vec!["d".to_owned(), "A".to_owned()])));
    assert_eq!(redis.lmpop::<String>(&none, Side::Left, 5).await.unwrap(), None);
    assert_eq!(redis.lrem(&a, 0, "b").await.unwrap(), 1);
    redis.ltrim(&a, 0, 0).await.unwrap();
    assert_eq!(redis.llen(&a).await.unwrap(), 1);
    redis.rpush(&a, ["x", "y", "z"]).await.unwrap();
    assert_eq!(redis.lpop_many::<String>(&a, 2).await.unwrap().unwrap(), ["ab", "x"]);
    assert_eq!(redis.rpop::<String>(&a).await.unwrap(), "z");
    assert_eq!(redis.rpop_many::<String>(&a, 2).await.unwrap().unwrap(), ["y"]);
    assert_eq!(redis.lpop::<Option<String>>(&a).await.unwrap(), None);
    assert_eq!(redis.lpop_many::<String>(&a, 2).await.unwrap(), None);
}
