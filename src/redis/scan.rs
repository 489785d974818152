use super::{Cmd, FromReply, Pairs, Redis, Reply, ScanOptions, ToArg, call::convert, node::Node};
use crate::Error;
use futures_core::{Stream, future::BoxFuture};
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A page: the cursor behind it, and its items.
type Page<T> = BoxFuture<'static, Result<(String, Vec<T>), Error>>;

enum Asked<T> {
    Nodes(BoxFuture<'static, Result<Option<Vec<Node>>, Error>>),
    Page(Page<T>),
}

/// The nodes that are walked. `None` is the one that a command finds by itself.
enum Walk {
    Unknown,
    Nodes(VecDeque<Option<Node>>),
}

/// All items of a walk (`SCAN`, `HSCAN`, `SSCAN`, `ZSCAN`), one page after the other.
///
/// A page is requested when the one before is used up: one request for each. Elements that exist from beginning to end
/// come at least once, and may come twice. Elements that are added or deleted on the way may come or not
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
    walk: Walk,
    /// The place to go on from at the first node; `None` at the end.
    cursor: Option<String>,
    asked: Option<Asked<T>>,
    items: VecDeque<T>,
}

fn list<T: FromReply>(reply: Reply, cmd: &Cmd) -> Result<Vec<T>, Error> {
    convert(reply, cmd)
}

fn pairs<K: FromReply, V: FromReply>(reply: Reply, cmd: &Cmd) -> Result<Vec<(K, V)>, Error> {
    convert(reply, cmd).map(|Pairs(pairs)| pairs)
}

impl Redis {
    /// All keys that `SCAN` finds. In a cluster it walks one primary after the other.
    ///
    /// Keys that move from one node to another on the way may be missed, or come twice.
    pub fn scan_stream<T: FromReply>(&self, options: ScanOptions) -> Scan<T> {
        let mut scan = self.walk(move |cursor| options.clone().write(Cmd::new("SCAN").arg(cursor)), list);
        scan.walk = Walk::Unknown;
        scan
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
        let walk = Walk::Nodes(VecDeque::from([None]));
        Scan { redis, page: Box::new(page), read, walk, cursor, asked: None, items: VecDeque::new() }
    }
}

impl<T: Send + 'static> Scan<T> {
    /// The next request, if the walk has not ended.
    fn ask(&mut self) -> Option<Asked<T>> {
        let redis = self.redis.clone();
        let Walk::Nodes(nodes) = &self.walk else {
            return Some(Asked::Nodes(Box::pin(async move { redis.primaries().await })));
        };
        let (node, cmd, read) = (nodes.front()?.clone(), (self.page)(&self.cursor.take()?), self.read);
        Some(Asked::Page(Box::pin(async move {
            let reply = redis.run_at(&cmd, node.as_ref()).await?;
            let (cursor, items): (String, Reply) = convert(reply, &cmd)?;
            Ok((cursor, read(items, &cmd)?))
        })))
    }

    fn page_ended(&mut self, cursor: String) {
        let Walk::Nodes(nodes) = &mut self.walk else { return };
        if cursor != "0" {
            self.cursor = Some(cursor);
            return;
        }
        nodes.pop_front();
        self.cursor = (!nodes.is_empty()).then(|| "0".to_owned());
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
                let Some(asked) = this.ask() else { return Poll::Ready(None) };
                this.asked = Some(asked);
                continue;
            };
            let outcome = match asked {
                Asked::Nodes(nodes) => ready!(nodes.as_mut().poll(cx)).map(|nodes| {
                    let nodes = nodes.map(|nodes| nodes.into_iter().map(Some).collect());
                    this.walk = Walk::Nodes(nodes.unwrap_or_else(|| VecDeque::from([None])));
                }),
                Asked::Page(page) => ready!(page.as_mut().poll(cx)).map(|(cursor, items)| {
                    this.items = items.into();
                    this.page_ended(cursor);
                }),
            };
            this.asked = None;
            if let Err(error) = outcome {
                // It is over.
                (this.walk, this.cursor) = (Walk::Nodes(VecDeque::new()), None);
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl<T> fmt::Debug for Scan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
