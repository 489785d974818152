use crate::support::{Form, Stage, form};
use axum_upstash::redis::{Pairs, Redis};

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.publish("c", "message"), "PUBLISH c message"),
        form(redis.pubsub_channels::<String>("*"), "PUBSUB CHANNELS *"),
        form(redis.pubsub_numsub(["a", "b"]), "PUBSUB NUMSUB a b"),
        form(redis.pubsub_numpat(), "PUBSUB NUMPAT"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    let channel = stage.key("channel");
    assert_eq!(redis.publish(&channel, "to nobody").await.unwrap(), 0);
    assert!(!redis.pubsub_channels::<String>("*").await.unwrap().contains(&channel));
    let Pairs(subscribers) = redis.pubsub_numsub(&channel).await.unwrap();
    assert_eq!(subscribers, [(channel, 0)]);
    assert_eq!(redis.pubsub_numpat().await.unwrap(), 0);
}
