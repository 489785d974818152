use super::{Consumer, Received, TopicPartitionOffset};
use crate::{
    Error, ErrorKind,
    rt::{Stopwatch, sleep},
};
use std::time::Duration;

/// The steps before there are more messages.
pub(super) struct Steps {
    pub(super) pause: Duration,
    pub(super) commit: Vec<TopicPartitionOffset>,
    /// This instance ends, after the commit.
    pub(super) ends: Option<Consumer>,
    /// Waits so long for messages.
    pub(super) polls: Option<Duration>,
}

/// How far it came.
pub(super) struct Done {
    pub(super) has_committed: bool,
    /// The instance had ended before the commit.
    pub(super) was_gone: bool,
    pub(super) has_ended: bool,
    pub(super) has_polled: bool,
    /// The time that the poll took.
    pub(super) took: Duration,
    pub(super) result: Result<Vec<Received>, Error>,
}

impl Steps {
    pub(super) async fn run(self, consumer: Consumer) -> Done {
        let mut done = Done {
            has_committed: false,
            was_gone: false,
            has_ended: false,
            has_polled: false,
            took: Duration::ZERO,
            result: Ok(Vec::new()),
        };
        done.result = self.run_into(&consumer, &mut done).await;
        done
    }

    async fn run_into(self, consumer: &Consumer, done: &mut Done) -> Result<Vec<Received>, Error> {
        if self.pause > Duration::ZERO {
            sleep(self.pause).await;
        }
        if !self.commit.is_empty() {
            let committer = self.ends.as_ref().unwrap_or(consumer);
            match committer.commit_offsets(self.commit).await {
                Err(error) if error.kind() == ErrorKind::NotFound => done.was_gone = true,
                committed => committed.map(|()| done.has_committed = true)?,
            }
        }
        if let Some(doubtful) = self.ends {
            ended(doubtful.close().await)?;
            done.has_ended = true;
        }
        let Some(wait) = self.polls else { return Ok(Vec::new()) };
        done.has_polled = true;
        let began = Stopwatch::start();
        let polled = consumer.poll(wait).await;
        done.took = began.elapsed();
        polled
    }
}

/// An instance is to end: if there is none, this is no error, by whichever status a server says so.
pub(super) fn ended(closed: Result<(), Error>) -> Result<(), Error> {
    closed.or_else(|error| match error.status() {
        Some(400 | 404) => Ok(()),
        _ => Err(error),
    })
}
