use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{pool::Pool, process::RedisProcess};
use crate::local::error::LocalError;

/// Starts in close succession, after which Redis is given up if it ends again or does not start.
const MAX_ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A Redis that ran for so long was well: its end begins a new count.
const WELL_AFTER: Duration = Duration::from_secs(60);

/// Keeps a Redis of our own running. It ends with this value.
///
/// A Redis that ends without being told to is started again, empty, up to [`MAX_ATTEMPTS`] times in close succession.
pub(crate) struct Supervisor {
    orders: mpsc::Sender<(Order, oneshot::Sender<Result<(), LocalError>>)>,
    failure: watch::Receiver<Option<Arc<LocalError>>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Stop,
    Restart,
}

impl Order {
    /// Whether Redis has to be started again after what came of the order, as one that ended by itself.
    fn leaves_missing(self, done: &Result<(), LocalError>) -> bool {
        match self {
            Self::Stop => false,
            Self::Restart => done.is_err(),
        }
    }
}

impl Supervisor {
    /// Takes over a Redis that runs. `pool` holds connections to it.
    pub(crate) fn new(process: RedisProcess, pool: Arc<Pool>) -> Self {
        let (orders, received) = mpsc::channel(1);
        let (failed, failure) = watch::channel(None);
        let task = tokio::spawn(supervise(process, pool, received, failed));
        Self { orders, failure, task }
    }

    /// Kills Redis, which is not started again until it is told to be.
    pub(crate) async fn stop(&self) -> Result<(), LocalError> {
        self.order(Order::Stop).await
    }

    /// Starts Redis again, empty, whether it runs or not.
    pub(crate) async fn restart(&self) -> Result<(), LocalError> {
        self.order(Order::Restart).await
    }

    /// Waits until Redis is given up, and says why.
    pub(crate) async fn failed(&self) -> Arc<LocalError> {
        let mut failure = self.failure.clone();
        match failure.wait_for(Option::is_some).await.ok().and_then(|failure| failure.clone()) {
            Some(error) => error,
            // The task has ended with the runtime.
            None => std::future::pending().await,
        }
    }

    async fn order(&self, order: Order) -> Result<(), LocalError> {
        let (answer, answered) = oneshot::channel();
        let gone = || LocalError::RedisExited { output: "its runtime has ended".to_owned() };
        self.orders.send((order, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The Redis of the server, and what became of it.
struct State {
    process: RedisProcess,
    pool: Arc<Pool>,
    started: Instant,
    attempts: u32,
    /// Whether it has ended and has to be started again.
    is_missing: bool,
}

enum Event {
    Ended(String),
    Started(Result<(), LocalError>),
}

async fn supervise(
    process: RedisProcess,
    pool: Arc<Pool>,
    mut orders: mpsc::Receiver<(Order, oneshot::Sender<Result<(), LocalError>>)>,
    failed: watch::Sender<Option<Arc<LocalError>>>,
) {
    let mut state = State { process, pool, started: Instant::now(), attempts: 0, is_missing: false };
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => {
                let Some((order, answer)) = order else { return };
                failed.send_replace(None);
                // A caller that is gone does not want to know.
                let _ = answer.send(state.execute(order).await);
            }
            event = state.next() => {
                if let Some(error) = state.meet(event) {
                    failed.send_replace(Some(Arc::new(error)));
                }
            }
        }
    }
}

impl State {
    /// Waits for the end of Redis, or starts it again after a pause. Dropping the future ends a Redis that is not ready.
    async fn next(&mut self) -> Event {
        if !self.is_missing {
            return Event::Ended(self.process.ended().await);
        }
        sleep(FIRST_PAUSE * 2_u32.saturating_pow(self.attempts.saturating_sub(1))).await;
        Event::Started(self.process.restart().await)
    }

    /// Decides what to do next. Gives the error for which Redis is given up.
    fn meet(&mut self, event: Event) -> Option<LocalError> {
        self.pool.clear();
        let error = match event {
            Event::Started(Ok(())) => {
                (self.started, self.is_missing) = (Instant::now(), false);
                return None;
            }
            Event::Started(Err(error)) => {
                tracing::warn!(%error, "the Redis behind this server was not started again");
                error
            }
            Event::Ended(status) => {
                tracing::error!(%status, "the Redis behind this server ended; starting it again, empty");
                if self.started.elapsed() > WELL_AFTER {
                    self.attempts = 0;
                }
                LocalError::RedisExited { output: self.process.log_tail() }
            }
        };
        self.is_missing = self.attempts < MAX_ATTEMPTS;
        self.attempts += 1;
        (!self.is_missing).then_some(error)
    }

    async fn execute(&mut self, order: Order) -> Result<(), LocalError> {
        self.pool.clear();
        (self.attempts, self.is_missing) = (0, false);
        let done = match order {
            Order::Stop => self.process.stop().await,
            Order::Restart => self.process.restart().await,
        };
        self.started = Instant::now();
        self.is_missing = order.leaves_missing(&done);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_redis_that_is_to_run_is_started_again() {
        let failed = || Err(LocalError::NoRedisFound);
        assert!(Order::Restart.leaves_missing(&failed()), "it is tried again");
        assert!(!Order::Stop.leaves_missing(&failed()));
        for order in [Order::Stop, Order::Restart] {
            assert!(!order.leaves_missing(&Ok(())));
        }
    }
}
