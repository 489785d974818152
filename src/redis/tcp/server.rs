use super::{connect::Connector, pool::Pool, queue::Outcome, resp};
use crate::{
    Error, ErrorKind,
    client::{Repeat, RetryPolicy},
    redis::{Cmd, Reply, RequestEvent, RequestKind, commands::table, error::from_text, observe::Observer},
    rt::{Deadline, Stopwatch, sleep},
};

/// One server, over one connection.
pub(super) struct Server {
    pool: Pool,
    retry: RetryPolicy,
    observer: Observer,
}

/// Commands that go together.
struct Exchange<'a> {
    kind: RequestKind,
    cmds: &'a [Cmd],
    repeat: Repeat,
    deadline: Deadline,
}

impl Server {
    pub(super) fn new(connector: Connector, retry: RetryPolicy, observer: Observer) -> Self {
        Self { pool: Pool::new(connector, retry.clone()), retry, observer }
    }

    pub(super) fn connector(&self) -> &Connector {
        self.pool.connector()
    }

    pub(super) async fn single(&self, cmd: &Cmd, repeat: Repeat, deadline: Deadline) -> Result<Reply, Error> {
        let cmds = std::slice::from_ref(cmd);
        let exchange = Exchange { kind: RequestKind::Single, cmds, repeat, deadline };
        match self.exchange(exchange).await?.pop() {
            Some(Reply::Error(text)) => Err(from_text(&text, None)),
            Some(reply) => Ok(reply),
            None => Err(garbled()),
        }
    }

    pub(super) async fn pipeline(&self, cmds: &[Cmd], deadline: Deadline) -> Result<Vec<Result<Reply, Error>>, Error> {
        let exchange = Exchange { kind: RequestKind::Pipeline, cmds, repeat: table::repeat_all(cmds), deadline };
        self.exchange(exchange).await.map(results)
    }

    pub(super) async fn transaction(
        &self,
        cmds: &[Cmd],
        deadline: Deadline,
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let exchange = Exchange { kind: RequestKind::Transaction, cmds, repeat: table::repeat_all(cmds), deadline };
        let mut replies = self.exchange(exchange).await?;
        match replies.pop() {
            Some(Reply::Array(items)) if items.len() == cmds.len() => Ok(results(items)),
            Some(Reply::Error(text)) => Err(aborted(&text, &replies)),
            _ => Err(garbled()),
        }
    }

    /// Exchanges commands for replies, over another connection if one is lost, and in time.
    async fn exchange(&self, exchange: Exchange<'_>) -> Result<Vec<Reply>, Error> {
        let Exchange { kind, cmds, .. } = exchange;
        let (watch, mut attempts) = (Stopwatch::start(), 0);
        let outcome = self.attempts(&exchange, &mut attempts).await;
        self.observer.tell(|| {
            let error = outcome.as_ref().err().map(Error::kind);
            RequestEvent { kind, commands: cmds.len(), attempts, elapsed: watch.elapsed(), error }
        });
        outcome
    }

    async fn attempts(&self, exchange: &Exchange<'_>, attempts: &mut u32) -> Result<Vec<Reply>, Error> {
        let deadline = exchange.deadline;
        let mut retries = 0;
        loop {
            *attempts += 1;
            let error = match self.attempt(exchange).await {
                Ok(replies) => return Ok(replies),
                Err(Failure::NotSent) if *attempts == 1 => continue,
                Err(Failure::NotSent) => Error::new(ErrorKind::Connect, "the server closes each connection"),
                Err(Failure::Refused(replies)) if self.retry.next_wait(retries).is_none() => return Ok(replies),
                Err(Failure::Refused(_)) => Error::new(ErrorKind::Connect, "the server takes no commands yet"),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error)) => error,
            };
            match self.retry.next_wait(retries) {
                Some(wait) if wait < deadline.remaining() => sleep(wait).await,
                _ => return Err(error),
            }
            retries += 1;
        }
    }

    async fn attempt(&self, exchange: &Exchange<'_>) -> Result<Vec<Reply>, Failure> {
        let deadline = exchange.deadline;
        let link = self.pool.link().map_err(Failure::Final)?;
        let atomic = exchange.kind == RequestKind::Transaction;
        let write = |out: &mut Vec<u8>| {
            if atomic {
                out.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
            }
            exchange.cmds.iter().for_each(|cmd| resp::write(cmd, out));
            if atomic {
                out.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
            }
        };
        let replies = exchange.cmds.len() + if atomic { 2 } else { 0 };
        match link.call(write, replies, deadline).await {
            Outcome::Replies(replies) => match passing_refusal(exchange, &replies) {
                None => Ok(replies),
                Some(leads_elsewhere) => {
                    if leads_elsewhere {
                        self.pool.leave(&link);
                    }
                    Err(Failure::Refused(replies))
                }
            },
            Outcome::NotSent(None) => Err(Failure::NotSent),
            Outcome::NotSent(Some(error)) if error.kind() == ErrorKind::Connect => Err(Failure::Passing(error)),
            // A wrong password stays wrong.
            Outcome::NotSent(Some(error)) => Err(Failure::Final(error)),
            Outcome::Lost(error) if error.kind() == ErrorKind::Interrupted && exchange.repeat == Repeat::Safe => {
                Err(Failure::Passing(error))
            }
            Outcome::Lost(error) => Err(Failure::Final(error)),
        }
    }
}

/// Why an attempt has no replies.
enum Failure {
    /// Nothing was written: it is tried again at once, and from then on after waits.
    NotSent,
    /// The server has executed nothing, and may do so later.
    Refused(Vec<Reply>),
    Passing(Error),
    Final(Error),
}

/// Whether nothing was executed for a reason that passes; `true` inside if the connection leads to the wrong server.
///
/// After a failover the old primary is a replica (`READONLY`), and is left for what its name stands for now. A server that
/// starts reads its data first (`LOADING`), and a replica may wait for its primary (`MASTERDOWN`).
fn passing_refusal(exchange: &Exchange<'_>, replies: &[Reply]) -> Option<bool> {
    let first = match (exchange.kind, replies) {
        (RequestKind::Single, [Reply::Error(text)]) => text,
        // Of a transaction nothing is executed if a command is refused while it is queued.
        (RequestKind::Transaction, [.., Reply::Error(last)]) if last.starts_with("EXECABORT") => {
            let mut errors = replies.iter().filter_map(|reply| match reply {
                Reply::Error(text) => Some(text),
                _ => None,
            });
            errors.next()?
        }
        _ => return None,
    };
    match first.split(' ').next()? {
        // Not the refusal of a script that is marked as one that only reads.
        "READONLY" if first.contains("replica") || first.contains("slave") => Some(true),
        "LOADING" | "MASTERDOWN" => Some(false),
        _ => None,
    }
}

/// The error of a transaction that was discarded, with the cause, which the last reply does not repeat.
fn aborted(text: &str, queued: &[Reply]) -> Error {
    let cause = queued.iter().find_map(|reply| match reply {
        Reply::Error(cause) => Some(from_text(cause, None)),
        _ => None,
    });
    let error = from_text(text, None);
    match cause {
        Some(cause) => {
            let discarded = error.message().trim_end_matches('.');
            Error::new(error.kind(), format!("{discarded}: {}", cause.message()))
        }
        None => error,
    }
}

fn results(replies: Vec<Reply>) -> Vec<Result<Reply, Error>> {
    let result = |reply| match reply {
        Reply::Error(text) => Err(from_text(&text, None)),
        reply => Ok(reply),
    };
    replies.into_iter().map(result).collect()
}

fn garbled() -> Error {
    Error::new(ErrorKind::Decode, "the answer has not one reply for each command")
}
