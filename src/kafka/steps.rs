use super::{Consumer, Received, TopicPartitionOffset};
use crate::{
    Error, ErrorKind,
    rt::{Stopwatch, sleep},
};
use std::time::Duration;

/// The next request of a stream.
pub(super) enum Step {
    Commit(Vec<TopicPartitionOffset>),
    /// Ends the instance.
    End,
    /// Waits so long for messages.
    Poll(Duration),
}

/// What came of it.
pub(super) enum Done {
    Committed,
    /// There is no such instance, or no such partition any more.
    NotCommitted,
    Ended,
    /// With the time that it took.
    Polled(Vec<Received>, Duration),
    Failed(Error),
    /// It cannot be told whether messages were handed out.
    PollFailed(Error),
}

impl Step {
    pub(super) async fn run(self, consumer: Consumer, pause: Duration) -> Done {
        if pause > Duration::ZERO {
            sleep(pause).await;
        }
        match self {
            Self::Commit(offsets) => match consumer.commit_offsets(offsets).await {
                Ok(()) => Done::Committed,
                Err(error) if error.kind() == ErrorKind::NotFound => Done::NotCommitted,
                Err(error) => Done::Failed(error),
            },
            Self::End => ended(consumer.close().await).map_or_else(Done::Failed, |()| Done::Ended),
            Self::Poll(wait) => {
                let began = Stopwatch::start();
                match consumer.poll(wait).await {
                    Ok(received) => Done::Polled(received, began.elapsed()),
                    Err(error) if matches!(error.kind(), ErrorKind::Connect | ErrorKind::RateLimited) => {
                        Done::Failed(error)
                    }
                    Err(error) => Done::PollFailed(error),
                }
            }
        }
    }
}

/// An instance is to end: if there is none, this is no error, by whichever status a server says so.
pub(super) fn ended(closed: Result<(), Error>) -> Result<(), Error> {
    closed.or_else(|error| match error.status() {
        Some(400 | 404) => Ok(()),
        _ => Err(error),
    })
}
