use crate::support::{Form, Stage, form};
use axum_upstash::redis::{ClientInfo, FlushMode, Redis};
use std::time::{Duration, SystemTime};

pub fn forms(redis: &Redis) -> Vec<Form> {
    vec![
        form(redis.dbsize(), "DBSIZE"),
        form(redis.flushall(FlushMode::Sync), "FLUSHALL SYNC"),
        form(redis.flushdb(FlushMode::Async), "FLUSHDB ASYNC"),
        form(redis.time(), "TIME"),
        form(redis.echo::<String>("text"), "ECHO text"),
        form(redis.ping(), "PING"),
        form(redis.client_setinfo(ClientInfo::LibraryName, "mine"), "CLIENT SETINFO LIB-NAME mine"),
        form(redis.client_setinfo(ClientInfo::LibraryVersion, "1"), "CLIENT SETINFO LIB-VER 1"),
        form(redis.acl_resttoken("ann", "secret"), "ACL RESTTOKEN ann secret"),
        form(redis.acl_gentoken("ann"), "ACL GENTOKEN ann"),
        form(redis.config_get("notify-keyspace-events"), "CONFIG GET notify-keyspace-events"),
        form(redis.config_set("notify-keyspace-events", "KEA"), "CONFIG SET notify-keyspace-events KEA"),
    ]
}

pub async fn run(stage: &Stage) {
    let redis = &stage.redis;
    assert_eq!(redis.ping().await.unwrap(), "PONG");
    assert_eq!(redis.echo::<String>("OK").await.unwrap(), "OK");
    let now = redis.time().await.unwrap().0;
    let apart = SystemTime::now().duration_since(now).unwrap_or_else(|error| error.duration());
    assert!(apart < Duration::from_secs(60));
    redis.config_set("notify-keyspace-events", "Ex").await.unwrap();
    let settings = redis.config_get("notify-keyspace-events").await.unwrap().0;
    assert_eq!(settings, [("notify-keyspace-events".to_owned(), "xE".to_owned())]);
    redis.set(stage.key("server"), "x").await.unwrap();
    assert!(redis.dbsize().await.unwrap() > 0);
    redis.flushdb(FlushMode::Sync).await.unwrap();
    redis.set(stage.key("server"), "x").await.unwrap();
    redis.flushall(FlushMode::Sync).await.unwrap();
    assert_eq!(redis.dbsize().await.unwrap(), 0);
}
