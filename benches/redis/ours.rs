use crate::{BATCH, SLICE, TASKS, children::LocalServer};
use axum_upstash::redis::{Redis, ResponseFormat};
use std::time::Instant;

fn client(local: &LocalServer, together: bool, format: ResponseFormat) -> Redis {
    let builder = Redis::builder(&*local.url, &*local.token).response_format(format);
    builder.auto_pipelining(together).build().unwrap()
}

pub async fn single(local: &LocalServer) -> f64 {
    let redis = client(local, true, ResponseFormat::Json);
    let (begun, mut commands) = (Instant::now(), 0_u32);
    while begun.elapsed() < SLICE {
        redis.set("ours", "0123456789").await.unwrap();
        assert_eq!(redis.get::<String>("ours").await.unwrap(), "0123456789");
        commands += 2;
    }
    f64::from(commands) / begun.elapsed().as_secs_f64()
}

pub async fn pipelined(local: &LocalServer, format: ResponseFormat) -> f64 {
    let redis = client(local, true, format);
    let (begun, mut commands) = (Instant::now(), 0);
    while begun.elapsed() < SLICE {
        let mut pipe = redis.pipeline();
        let mut slots = Vec::with_capacity(BATCH / 2);
        for _ in 0..BATCH / 2 {
            pipe.set("ours", "0123456789");
            slots.push(pipe.get::<String>("ours"));
        }
        let mut results = pipe.exec().await.unwrap();
        for slot in slots {
            assert_eq!(results.take(slot).unwrap(), "0123456789");
        }
        commands += BATCH;
    }
    commands as f64 / begun.elapsed().as_secs_f64()
}

pub async fn tasks(local: &LocalServer, together: bool, format: ResponseFormat) -> f64 {
    let redis = client(local, together, format);
    let begun = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let redis = redis.clone();
            tokio::spawn(async move {
                let key = format!("ours:{task}");
                let mut commands = 0_u32;
                while begun.elapsed() < SLICE {
                    redis.set(&key, "0123456789").await.unwrap();
                    assert_eq!(redis.get::<String>(&key).await.unwrap(), "0123456789");
                    commands += 2;
                }
                commands
            })
        })
        .collect();
    let mut commands = 0;
    for task in tasks {
        commands += task.await.unwrap();
    }
    f64::from(commands) / begun.elapsed().as_secs_f64()
}
