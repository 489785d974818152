use super::{
    Consumer, Received, TopicPartitionOffset,
    steps::{Done, Step, ended},
};
use crate::{
    Error, ErrorKind,
    rt::{Stopwatch, random_id, spawn},
};
use futures_core::{Stream, future::BoxFuture};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

/// How long a poll waits for the first message, at the least and at the most.
const MIN_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The pause after an error, which doubles with each one that follows, and the longest one.
const PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The characters of a name that are kept beside its random part: an instance has a name of at most 249.
const MAX_NAME: usize = 200;

/// The messages of a [`Consumer`], as they come, each at least once.
///
/// A message is done when the next one is asked for. Commits are made from time to time
/// ([`auto_commit_interval`](Consumer::auto_commit_interval)), by [`commit`](Self::commit) and by [`close`](Self::close).
/// Messages that are not committed come again: after an answer that was lost, after a time without a poll in which the
/// instance has ended, and if another instance gets their partition.
///
/// Each stream is an instance of its own, whose name is that of the consumer and a random part. The instance of a stream that
/// is dropped ends in the background, without a commit, and that of a process that has crashed after the
/// [session timeout](Consumer::session_timeout).
///
/// An error does not end the stream, which goes on after a pause that grows from 250 ms to 30 s, unless no repetition can mend
/// it: settings that cannot be right, and credentials that are refused.
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
    /// With the name that instances begin with, and without automatic commits of the server.
    base: Consumer,
    consumer: Consumer,
    /// The time between commits, if they are automatic.
    interval: Option<Duration>,
    committed: Stopwatch,
    received: VecDeque<Received>,
    /// The offsets after the messages that were given, by topic and partition, if they are not committed.
    given: BTreeMap<(String, u32), i64>,
    /// An instance that the server may have handed messages to which did not arrive. It is to end.
    doubtful: Option<Consumer>,
    /// The pause before the next request, and the errors since the last success.
    pause: Duration,
    errors: u32,
    /// An instance may have been made, and has not been ended.
    is_open: bool,
    state: State,
}

enum State {
    Idle,
    Working(BoxFuture<'static, Done>),
    Over,
}

impl Consumer {
    /// All messages as they come: a [`Stream`] that loses none.
    pub fn messages(self) -> Messages {
        let interval = self.auto_commit.then_some(self.commit_interval);
        // The server would commit messages that it has handed out, and that have not arrived.
        Messages::new(self.auto_commit(false), interval)
    }

    /// The same settings under a name that no other instance has.
    fn renamed(&self) -> Self {
        let mut renamed = self.clone();
        // An empty name is refused when it is sent. Without randomness the name stays as it is.
        if let Ok(random) = random_id::<8>()
            && !self.instance.is_empty()
        {
            let name: String = self.instance.chars().take(MAX_NAME).collect();
            renamed.instance = format!("{name}~{random}");
        }
        renamed
    }
}

impl Messages {
    fn new(base: Consumer, interval: Option<Duration>) -> Self {
        Self {
            consumer: base.renamed(),
            base,
            interval,
            committed: Stopwatch::start(),
            received: VecDeque::new(),
            given: BTreeMap::new(),
            doubtful: None,
            pause: Duration::ZERO,
            errors: 0,
            is_open: false,
            state: State::Idle,
        }
    }

    /// Commits the messages that were given so far, the last one among them.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the instance has ended, and those of the service. The messages come again then.
    pub async fn commit(&mut self) -> Result<(), Error> {
        // The messages that were given are those of the instance that is to end.
        let consumer = self.doubtful.as_ref().unwrap_or(&self.consumer);
        let committed = consumer.commit_offsets(self.offsets()).await;
        match &committed {
            Ok(()) => self.note_commit(),
            Err(error) if error.kind() == ErrorKind::NotFound => self.doubt_all(),
            Err(_) => {}
        }
        committed
    }

    /// Ends the instance: its partitions go to the others of the group. With automatic commits the messages that were given
    /// are committed before.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and those of the service. The instance ends all the same, at the latest after its session
    /// timeout.
    pub async fn close(mut self) -> Result<(), Error> {
        // A poll that came later would make the instance again.
        self.state = State::Over;
        let committed = if self.interval.is_some() { self.commit().await } else { Ok(()) };
        let Some(ending) = self.end() else { return committed };
        committed.and(ending.await)
    }

    /// Ends what it has begun.
    fn end(&mut self) -> Option<impl Future<Output = Result<(), Error>> + Send + use<>> {
        let consumers: Vec<Consumer> = self.doubtful.take().into_iter().chain([self.consumer.clone()]).collect();
        let ending = async move {
            let mut all = Ok(());
            for consumer in consumers {
                all = all.and(ended(consumer.close().await));
            }
            all
        };
        std::mem::take(&mut self.is_open).then_some(ending)
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

    /// The next request, and the instance that makes it. There is none if there are messages, and it is not time for a commit.
    fn step(&self) -> Option<(Step, Consumer)> {
        let has_given = self.interval.is_some() && !self.given.is_empty();
        let left = self.interval.unwrap_or_default().saturating_sub(self.committed.elapsed());
        let polls = self.received.is_empty();
        let doubtful = self.doubtful.as_ref().filter(|_| polls);
        // The offsets of an instance are committed before it ends.
        if has_given && (left.is_zero() || doubtful.is_some()) {
            let consumer = self.doubtful.as_ref().unwrap_or(&self.consumer);
            return Some((Step::Commit(self.offsets()), consumer.clone()));
        }
        if let Some(doubtful) = doubtful {
            return Some((Step::End, doubtful.clone()));
        }
        // On a topic with few messages too a commit comes when it is time for it.
        let wait = if has_given { left.clamp(MIN_WAIT, MAX_WAIT) } else { MAX_WAIT };
        polls.then(|| (Step::Poll(wait), self.consumer.clone()))
    }

    /// Notes what came of a request.
    fn note(&mut self, done: Done) -> Result<(), Error> {
        self.pause = Duration::ZERO;
        match done {
            Done::Committed => self.note_commit(),
            Done::NotCommitted => self.doubt_all(),
            Done::Ended => {
                self.doubtful = None;
                self.forget();
            }
            Done::Polled(received, took) => {
                if received.is_empty() && took < MIN_WAIT / 2 {
                    // A server that does not wait is not asked without end.
                    self.pause = PAUSE;
                }
                self.received.extend(received);
            }
            Done::Failed(error) => return Err(self.note_error(error)),
            Done::PollFailed(error) => {
                self.doubt();
                return Err(self.note_error(error));
            }
        }
        self.errors = 0;
        Ok(())
    }

    fn note_error(&mut self, error: Error) -> Error {
        let pause = PAUSE.saturating_mul(1 << self.errors.min(10));
        self.pause = error.retry_after().unwrap_or_default().max(pause).min(MAX_PAUSE);
        self.errors = self.errors.saturating_add(1);
        match error.kind() {
            ErrorKind::Configuration | ErrorKind::InvalidInput | ErrorKind::Unauthorized | ErrorKind::Forbidden => {
                self.state = State::Over;
            }
            // A commit that would be refused again: the messages come again, or are done with later ones.
            ErrorKind::Refused if matches!(error.status(), Some(400 | 422)) => self.given.clear(),
            // It is made again when it is time for the next one.
            _ => self.committed = Stopwatch::start(),
        }
        error
    }

    /// Goes on as another instance: messages of this one may not have arrived, or come again.
    fn doubt(&mut self) {
        let renamed = self.base.renamed();
        let before = std::mem::replace(&mut self.consumer, renamed);
        // Of two the first one was asked to end already.
        self.doubtful = Some(before);
    }

    /// The same, and nothing of it can be committed.
    fn doubt_all(&mut self) {
        self.forget();
        if self.doubtful.is_none() {
            self.doubt();
        }
    }
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
                    if let Some((step, consumer)) = this.step() {
                        this.is_open |= matches!(step, Step::Poll(_));
                        this.state = State::Working(Box::pin(step.run(consumer, this.pause)));
                    } else if let Some(received) = this.received.pop_front() {
                        let next = received.offset.saturating_add(1);
                        this.given.insert((received.topic.clone(), received.partition), next);
                        return Poll::Ready(Some(Ok(received)));
                    }
                }
            }
        }
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        // A poll that came later would make the instance again.
        self.state = State::Over;
        if let Some(ending) = self.end() {
            // Without a runtime it ends after its session timeout.
            drop(spawn(async move { drop(ending.await) }));
        }
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}
