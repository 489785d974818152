use super::{Consumer, Received, TopicPartitionOffset};
use crate::{
    Error, ErrorKind,
    rt::{Stopwatch, sleep},
};
use futures_core::{Stream, future::BoxFuture};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// How long a poll waits for the first message.
const WAIT: Duration = Duration::from_secs(30);
/// The pause after an error, which doubles with each one that follows, and the longest one.
const PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The messages of a [`Consumer`], as they come, each at least once.
///
/// A message is done when the next one is asked for. Commits are made from time to time
/// ([`auto_commit_interval`](Consumer::auto_commit_interval)), by [`commit`](Self::commit) and by [`close`](Self::close).
/// Messages that are not committed come again: after an answer that was lost, after a time without a poll in which the
/// instance has ended, and if another instance gets their partition.
///
/// The instance is made anew: an older one of its name ends. An error does not end the stream, which goes on after a pause
/// that grows from 250 ms to 30 s, unless no repetition can mend it: settings that cannot be right, and credentials that are
/// refused.
///
/// ```
/// use axum_upstash::{kafka::{Kafka, Message, OffsetReset}, local::LocalKafka};
/// use futures_util::StreamExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let local = LocalKafka::start().await?;
/// let kafka = Kafka::new(local.url(), local.username(), local.password())?;
/// kafka.produce(Message::text("orders", "17")).await?;
///
/// let consumer = kafka.consumer("billing", "instance-1").topic("orders").offset_reset(OffsetReset::Earliest);
/// let mut messages = consumer.messages();
/// if let Some(received) = messages.next().await {
///     assert_eq!(received?.value, "17");
/// }
/// messages.close().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "messages come when it is polled"]
pub struct Messages {
    /// Without automatic commits of the server.
    consumer: Consumer,
    /// The time between commits, if they are automatic.
    interval: Option<Duration>,
    committed: Stopwatch,
    received: VecDeque<Received>,
    /// The offsets after the messages that were given, by topic and partition, if they are not committed.
    given: BTreeMap<(String, u32), i64>,
    /// Messages that the server has handed out may not have arrived.
    is_doubtful: bool,
    /// The errors since the last success.
    errors: u32,
    state: State,
}

enum State {
    Idle,
    Working(BoxFuture<'static, Done>),
    Over,
}

/// The steps before there are more messages.
struct Work {
    pause: Duration,
    commit: Vec<TopicPartitionOffset>,
    /// The instance ends, and another one of its name begins at what was committed.
    begins_anew: bool,
    polls: bool,
}

/// How far it came.
struct Done {
    has_committed: bool,
    /// The instance had ended, and a poll makes another one.
    was_gone: bool,
    has_begun_anew: bool,
    result: Result<Vec<Received>, Error>,
}

impl Consumer {
    /// All messages as they come: a [`Stream`] that loses none.
    pub fn messages(self) -> Messages {
        let interval = self.auto_commit.then_some(self.commit_interval);
        // The server would commit messages that it has handed out, and that have not arrived.
        Messages::new(self.auto_commit(false), interval)
    }
}

impl Messages {
    fn new(consumer: Consumer, interval: Option<Duration>) -> Self {
        Self {
            consumer,
            interval,
            committed: Stopwatch::start(),
            received: VecDeque::new(),
            given: BTreeMap::new(),
            is_doubtful: true,
            errors: 0,
            state: State::Idle,
        }
    }

    /// Commits the messages that were given so far, the last one among them.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the instance has ended, and those of the service. The messages come again then.
    pub async fn commit(&mut self) -> Result<(), Error> {
        let committed = self.consumer.commit_offsets(self.offsets()).await;
        match &committed {
            Ok(()) => self.note_commit(),
            Err(error) if error.kind() == ErrorKind::NotFound => self.forget(),
            Err(_) => {}
        }
        committed
    }

    /// Ends the instance: its partitions go to the others of the group. With automatic commits the messages that were given
    /// are committed before.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and those of the service.
    pub async fn close(mut self) -> Result<(), Error> {
        if self.interval.is_some() {
            self.commit().await?;
        }
        ended(self.consumer.close().await)
    }

    fn offsets(&self) -> Vec<TopicPartitionOffset> {
        let given = self.given.iter();
        given.map(|((topic, partition), next)| TopicPartitionOffset::new(topic, *partition, *next)).collect()
    }

    fn note_commit(&mut self) {
        self.given.clear();
        self.committed = Stopwatch::start();
    }

    /// Forgets messages that come again.
    fn forget(&mut self) {
        self.given.clear();
        self.received.clear();
    }

    /// The next steps. There are none if there are messages, and it is not time for a commit.
    fn work(&self) -> Option<Work> {
        let polls = self.received.is_empty();
        let is_due = self.interval.is_some_and(|interval| self.committed.elapsed() >= interval);
        let commits = (is_due || self.is_doubtful) && self.interval.is_some() && !self.given.is_empty();
        let pause = match self.errors {
            0 => Duration::ZERO,
            errors => PAUSE.saturating_mul(1 << (errors - 1).min(10)).min(MAX_PAUSE),
        };
        let commit = if commits { self.offsets() } else { Vec::new() };
        (polls || commits).then_some(Work { pause, commit, begins_anew: polls && self.is_doubtful, polls })
    }

    /// Notes how far the steps came.
    fn note(&mut self, done: Done) -> Result<(), Error> {
        if done.has_committed {
            self.note_commit();
        }
        if done.was_gone || done.has_begun_anew {
            self.forget();
        }
        self.is_doubtful &= !done.has_begun_anew;
        match done.result {
            Ok(received) => {
                self.errors = 0;
                self.received.extend(received);
                Ok(())
            }
            Err(error) => {
                self.errors = self.errors.saturating_add(1);
                match error.kind() {
                    ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Decode | ErrorKind::Server => {
                        self.is_doubtful = true;
                    }
                    ErrorKind::Configuration
                    | ErrorKind::InvalidInput
                    | ErrorKind::Unauthorized
                    | ErrorKind::Forbidden => self.state = State::Over,
                    _ => {}
                }
                Err(error)
            }
        }
    }
}

impl Work {
    async fn run(self, consumer: Consumer) -> Done {
        let mut done = Done { has_committed: false, was_gone: false, has_begun_anew: false, result: Ok(Vec::new()) };
        done.result = self.run_into(&consumer, &mut done).await;
        done
    }

    async fn run_into(self, consumer: &Consumer, done: &mut Done) -> Result<Vec<Received>, Error> {
        if self.pause > Duration::ZERO {
            sleep(self.pause).await;
        }
        if !self.commit.is_empty() {
            match consumer.commit_offsets(self.commit).await {
                Err(error) if error.kind() == ErrorKind::NotFound => done.was_gone = true,
                committed => committed.map(|()| done.has_committed = true)?,
            }
        }
        if self.begins_anew {
            ended(consumer.close().await)?;
            done.has_begun_anew = true;
        }
        if self.polls { consumer.poll(WAIT).await } else { Ok(Vec::new()) }
    }
}

/// An instance is to end: if there is none, this is no error, by whichever status the server says so.
fn ended(closed: Result<(), Error>) -> Result<(), Error> {
    closed.or_else(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Refused => Ok(()),
        _ => Err(error),
    })
}

impl Stream for Messages {
    type Item = Result<Received, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Over => return Poll::Ready(None),
                State::Working(work) => {
                    let done = ready!(work.as_mut().poll(cx));
                    this.state = State::Idle;
                    if let Err(error) = this.note(done) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                State::Idle => {
                    if let Some(work) = this.work() {
                        this.state = State::Working(Box::pin(work.run(this.consumer.clone())));
                    } else if let Some(received) = this.received.pop_front() {
                        this.given.insert((received.topic.clone(), received.partition), received.offset + 1);
                        return Poll::Ready(Some(Ok(received)));
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}
