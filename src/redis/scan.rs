use super::{Cmd, FromReply, Pairs, Redis, Reply, ScanOptions, ToArg, call::convert};
use crate::Error;
use futures_core::{Stream, future::BoxFuture};
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The cursor behind a page, and its items.
type Page<T> = BoxFuture<'static, Result<(String, Vec<T>), Error>>;

/// All items of a walk (`SCAN`, `HSCAN`, `SSCAN`, `ZSCAN`), one page after the other.
///
/// A page is asked for when the one before is used up: one request for each. What is there from beginning to end comes
/// at least once, and may come twice; what is added or deleted on the way may come or not
/// ([SCAN](https://redis.io/docs/latest/commands/scan/)). After an error it is over.
///
/// ```no_run
/// use axum_upstash::redis::{Redis, ScanOptions};
/// use futures_util::TryStreamExt;
///
/// # async fn run(redis: Redis) -> Result<(), axum_upstash::Error> {
/// let users = ScanOptions::new().matching("user:*").count(500);
/// let mut keys = redis.scan_stream::<String>(users);
/// while let Some(key) = keys.try_next().await? {
///     println!("{key}");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "pages are asked for when it is polled"]
pub struct Scan<T> {
    redis: Redis,
    page: Box<dyn Fn(&str) -> Cmd + Send + Sync>,
    read: fn(Reply, &Cmd) -> Result<Vec<T>, Error>,
    /// Where to go on; `None` at the end.
    cursor: Option<String>,
    asked: Option<Page<T>>,
    items: VecDeque<T>,
}

fn list<T: FromReply>(reply: Reply, cmd: &Cmd) -> Result<Vec<T>, Error> {
    convert(reply, cmd)
}

fn pairs<K: FromReply, V: FromReply>(reply: Reply, cmd: &Cmd) -> Result<Vec<(K, V)>, Error> {
    convert(reply, cmd).map(|Pairs(pairs)| pairs)
}

impl Redis {
    /// All keys that `SCAN` finds.
    pub fn scan_stream<T: FromReply>(&self, options: ScanOptions) -> Scan<T> {
        self.walk(move |cursor| options.clone().write(Cmd::new("SCAN").arg(cursor)), list)
    }

    /// All fields of a hash that `HSCAN` finds, and their values.
    pub fn hscan_stream<T: FromReply>(&self, key: impl ToArg, options: ScanOptions) -> Scan<(String, T)> {
        let cmd = Cmd::new("HSCAN").key(key);
        self.walk(move |cursor| options.clone().write(cmd.clone().arg(cursor)), pairs)
    }

    /// All members of a set that `SSCAN` finds.
    pub fn sscan_stream<T: FromReply>(&self, key: impl ToArg, options: ScanOptions) -> Scan<T> {
        let cmd = Cmd::new("SSCAN").key(key);
        self.walk(move |cursor| options.clone().write(cmd.clone().arg(cursor)), list)
    }

    /// All members of a sorted set that `ZSCAN` finds, and their scores.
    pub fn zscan_stream<T: FromReply>(&self, key: impl ToArg, options: ScanOptions) -> Scan<(T, f64)> {
        let cmd = Cmd::new("ZSCAN").key(key);
        self.walk(move |cursor| options.clone().write(cmd.clone().arg(cursor)), pairs)
    }

    fn walk<T>(
        &self,
        page: impl Fn(&str) -> Cmd + Send + Sync + 'static,
        read: fn(Reply, &Cmd) -> Result<Vec<T>, Error>,
    ) -> Scan<T> {
        let (redis, cursor) = (self.clone(), Some("0".to_owned()));
        Scan { redis, page: Box::new(page), read, cursor, asked: None, items: VecDeque::new() }
    }
}

impl<T: Send + 'static> Scan<T> {
    fn ask(&self, cursor: &str) -> Page<T> {
        let (redis, cmd, read) = (self.redis.clone(), (self.page)(cursor), self.read);
        Box::pin(async move {
            let (cursor, items): (String, Reply) = convert(redis.run(&cmd, None, false).await?, &cmd)?;
            Ok((cursor, read(items, &cmd)?))
        })
    }
}

impl<T: Send + Unpin + 'static> Stream for Scan<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(item) = this.items.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(asked) = &mut this.asked else {
                let Some(cursor) = this.cursor.take() else { return Poll::Ready(None) };
                this.asked = Some(this.ask(&cursor));
                continue;
            };
            let answer = ready!(asked.as_mut().poll(cx));
            this.asked = None;
            match answer {
                Ok((cursor, items)) => {
                    this.cursor = (cursor != "0").then_some(cursor);
                    this.items = items.into();
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl<T> fmt::Debug for Scan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
