//! The same with the `redis` crate, straight to redis-server.

use crate::{BATCH, SLICE, TASKS};
use redis::{AsyncCommands, aio::MultiplexedConnection};
use std::time::Instant;

pub struct Tcp(MultiplexedConnection);

impl Tcp {
    pub async fn connect(url: &str) -> Self {
        Self(redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap())
    }

    pub async fn single(&self) -> f64 {
        let mut connection = self.0.clone();
        let (begun, mut commands) = (Instant::now(), 0_u32);
        while begun.elapsed() < SLICE {
            let () = connection.set("tcp", "0123456789").await.unwrap();
            let value: String = connection.get("tcp").await.unwrap();
            assert_eq!(value, "0123456789");
            commands += 2;
        }
        f64::from(commands) / begun.elapsed().as_secs_f64()
    }

    pub async fn pipelined(&self) -> f64 {
        let mut connection = self.0.clone();
        let (begun, mut commands) = (Instant::now(), 0);
        while begun.elapsed() < SLICE {
            let mut pipe = redis::pipe();
            for _ in 0..BATCH / 2 {
                pipe.set("tcp", "0123456789").ignore().get("tcp");
            }
            let values: Vec<String> = pipe.query_async(&mut connection).await.unwrap();
            assert!(values.iter().all(|value| value == "0123456789"));
            commands += BATCH;
        }
        commands as f64 / begun.elapsed().as_secs_f64()
    }

    pub async fn tasks(&self) -> f64 {
        let begun = Instant::now();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let mut connection = self.0.clone();
                tokio::spawn(async move {
                    let key = format!("tcp:{task}");
                    let mut commands = 0_u32;
                    while begun.elapsed() < SLICE {
                        let () = connection.set(&key, "0123456789").await.unwrap();
                        let value: String = connection.get(&key).await.unwrap();
                        assert_eq!(value, "0123456789");
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
}
