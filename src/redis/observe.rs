use crate::ErrorKind;
use std::{fmt, sync::Arc, time::Duration};

/// One round trip, for counting the client's requests and commands.
///
/// Set [`RedisBuilder::on_request`](super::RedisBuilder::on_request) to be told of each.
///
/// ```
/// use axum_upstash::redis::Redis;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = Redis::builder("https://eu1-example.upstash.io", "token")
///     .on_request(|event| println!("{:?}: {} commands in {:?}", event.kind, event.commands, event.elapsed))
///     .build()?;
/// # drop(redis);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestEvent {
    /// The kind of request.
    pub kind: RequestKind,
    /// The number of commands. Upstash bills commands, not requests.
    pub commands: usize,
    /// The number of attempts: 1, and one more for each repetition.
    pub attempts: u32,
    /// Time from the first attempt to the whole answer.
    pub elapsed: Duration,
    /// The failure of the request as a whole. Errors of single commands of a pipeline are not among them.
    pub error: Option<ErrorKind>,
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestKind {
    /// One command.
    Single,
    /// Commands that were put together automatically.
    AutoPipeline,
    /// A pipeline of the application.
    Pipeline,
    /// A transaction.
    Transaction,
    /// The beginning of a stream: a subscription, or `MONITOR`.
    Stream,
}

/// The application's function, if there is one.
#[derive(Clone, Default)]
pub(super) struct Observer(Option<Arc<Observe>>);

type Observe = dyn Fn(&RequestEvent) + Send + Sync;

impl Observer {
    pub(super) fn new(observe: impl Fn(&RequestEvent) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    /// Calls the application's hook, if there is one.
    pub(super) fn tell(&self, event: impl FnOnce() -> RequestEvent) {
        if let Some(observe) = &self.0 {
            observe(&event());
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observer" } else { "none" })
    }
}
