use crate::support::{Form, Stage, form};
use axum_upstash::redis::Redis;

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.pfadd("k", ["a", "b"]), "PFADD k a b"),
        form(redis.pfcount(["a", "b"]), "PFCOUNT a b"),
        form(redis.pfmerge("to", ["a", "b"]), "PFMERGE to a b"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let (a, b, to) = (stage.key("hll"), stage.key("hll"), stage.key("hll"));
    assert!(redis.pfadd(&a, ["1", "2"]).await.unwrap());
    assert!(!redis.pfadd(&a, "1").await.unwrap());
    redis.pfadd(&b, "3").await.unwrap();
    assert_eq!(redis.pfcount([&a, &b]).await.unwrap(), 3);
    redis.pfmerge(&to, [&a, &b]).await.unwrap();
    assert_eq!(redis.pfcount(&to).await.unwrap(), 3);
}
