//! What every [`CacheStore`] must do, as a test to run against one.

use super::store::{CacheStore, Change, Entry, Heard, Lease, Lives, Look, Looked, Put};
use crate::{
    Error,
    rt::{random_u64, timeout},
};
use bytes::Bytes;
use std::{future::poll_fn, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

/// Runs all checks. `wait` lets time pass for the store: it moves its clock, or sleeps. Names are random, so a store in use
/// will do; all of its entries are invalidated.
///
/// ```
/// use axum_upstash::{Clock, cache::{conformance, store::MemoryCacheStore}};
/// use std::time::SystemTime;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (clock, hands) = Clock::manual(SystemTime::now());
/// let store = MemoryCacheStore::new().with_clock(clock);
/// conformance::run(&store, async |time| hands.advance(time)).await;
/// # }
/// ```
///
/// # Panics
/// If the store breaks the contract, with a message that names the fault.
pub async fn run<W: AsyncFn(Duration)>(store: &dyn CacheStore, wait: W) {
    let suite = Suite { store, prefix: format!("conformance:{:016x}", random_u64()) };
    suite.entries().await;
    suite.leases(&wait).await;
    suite.lives(&wait).await;
    suite.invalidations(&wait).await;
    suite.changes().await;
}

struct Suite<'a> {
    store: &'a dyn CacheStore,
    prefix: String,
}

impl Suite<'_> {
    fn name(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    async fn look(&self, name: &str, lease: &Lease) -> Looked {
        good(self.store.look(Look::new(name, 7, lease)).await, "a lookup")
    }

    async fn found(&self, name: &str) -> Option<Entry> {
        good(self.store.look_many(&[name]).await, "a lookup of several").entries.pop().flatten()
    }

    async fn put(&self, put: Put<'_>) -> u64 {
        good(self.store.put(&[put], None).await, "a write")
    }

    async fn put_held(&self, name: &str, lease: &Lease) -> u64 {
        self.put(Put { lease: Some(&lease.name), ..put(name, b"1") }).await
    }

    async fn entries(&self) {
        let (name, absent, lease) = (self.name("entry"), self.name("absent"), lease("a"));
        let looked = self.look(&name, &lease).await;
        assert!(looked.entry.is_none() && looked.leads, "there is nothing at first, and the caller leads");
        for payload in [&b"{\"a\": 1}"[..], b"", b"\xff\x00\n1 2 3\n", "höher".as_bytes()] {
            let tags = ["one".into(), "two:2".into()];
            let put = Put { form: 1, tags: &tags, ..put(&name, payload) };
            assert_eq!(self.put(put).await, 1, "an entry is kept");
            let found = self.look(&name, &lease).await;
            assert!(!found.leads, "a fresh entry is found, and nothing is computed");
            let entry = found.entry.unwrap_or_else(|| panic!("an entry is found"));
            let parts = (&*entry.payload, entry.form, entry.version, &entry.tags[..]);
            assert_eq!(parts, (payload, 1, 7, &tags[..]), "an entry comes back as it was");
            assert!(
                entry.is_fresh(found.now_us, None) && entry.created_us <= found.now_us,
                "its times are the store's"
            );
        }
        let several = good(self.store.look_many(&[&name, &absent]).await, "a lookup of several");
        let there: Vec<bool> = several.entries.iter().map(Option::is_some).collect();
        assert_eq!(there, [true, false], "entries are found in the order of their names");
        let other = good(self.store.look(Look::new(&name, 8, &lease)).await, "a lookup");
        assert!(other.entry.is_none() && other.leads, "an entry of another version is none");
        good(self.store.remove(&[&name, &absent], None).await, "a removal");
        assert!(self.found(&name).await.is_none(), "what was removed is gone");
    }

    async fn leases<W: AsyncFn(Duration)>(&self, wait: &W) {
        let (name, one, two) = (self.name("lease"), lease("one"), lease("two"));
        assert!(self.look(&name, &one).await.leads, "the first one leads");
        assert!(self.look(&name, &one).await.leads, "a lookup that is repeated leads again");
        assert!(!self.look(&name, &two).await.leads, "the second one does not");
        assert!(good(self.store.renew(&name, &one).await, "a renewal"), "a lease is renewed");
        assert!(!good(self.store.renew(&name, &two).await, "a renewal"), "another's is not");
        good(self.store.release(&name, &two).await, "a release");
        assert!(!self.look(&name, &two).await.leads, "another's lease is not given up");
        assert_eq!(self.put_held(&name, &two).await, 0, "without the lease nothing is kept");
        assert!(self.found(&name).await.is_none(), "without the lease nothing is kept");
        good(self.store.release(&name, &one).await, "a release");
        assert!(self.look(&name, &two).await.leads, "a lease that was given up is free");
        good(self.store.remove(&[&name], None).await, "a removal");
        assert_eq!(self.put_held(&name, &two).await, 0, "a removal ends the lease");
        assert!(self.look(&name, &one).await.leads);
        assert_eq!(self.put(put(&name, b"2")).await, 1, "a write without a lease needs none");
        assert_eq!(self.put_held(&name, &one).await, 0, "and ends that of another");
        assert_eq!(self.found(&name).await.map(|entry| entry.payload), Some("2".into()));

        let (name, one) = (self.name("repeated"), lease("one"));
        let began = self.look(&name, &one).await;
        assert!(began.leads);
        let repeated = || Put { lease: Some(&one.name), created_us: Some(began.now_us), ..put(&name, b"3") };
        assert_eq!(
            [self.put(repeated()).await, self.put(repeated()).await],
            [1, 1],
            "a write that is repeated is kept"
        );

        let name = self.name("dies");
        let short = Lease { ttl: Duration::from_millis(1500), ..lease("short") };
        assert!(self.look(&name, &short).await.leads);
        assert!(!self.look(&name, &two).await.leads);
        wait(Duration::from_millis(1600)).await;
        assert!(self.look(&name, &two).await.leads, "a lease ends by itself");
        assert_eq!(self.put_held(&name, &short).await, 0, "it is too late");
        assert_eq!(self.put_held(&name, &two).await, 1);
    }

    async fn lives<W: AsyncFn(Duration)>(&self, wait: &W) {
        let (name, lease) = (self.name("lives"), lease("a"));
        let lives = Lives { fresh: Duration::from_secs(2), stale: MINUTE, on_error: MINUTE };
        self.put(Put { lives, ..put(&name, b"1") }).await;
        let short = Lives::of(Duration::from_millis(1500));
        let over = self.name("over");
        self.put(Put { lives: short, ..put(&over, b"1") }).await;
        let eager = good(self.store.look(Look { eager: Some(0.0), ..Look::new(&name, 7, &lease) }).await, "a lookup");
        assert!(eager.entry.is_some() && eager.leads, "an entry is refreshed ahead of its end");
        good(self.store.release(&name, &lease).await, "a release");
        assert!(!self.look(&name, &lease).await.leads);
        wait(Duration::from_millis(2100)).await;
        let stale = self.look(&name, &lease).await;
        assert!(stale.leads, "a stale entry is computed anew");
        assert!(stale.entry.is_some_and(|entry| !entry.is_fresh(stale.now_us, None)), "it is there meanwhile");
        assert!(self.found(&over).await.is_none(), "an entry is gone after its longest life");
    }

    async fn invalidations<W: AsyncFn(Duration)>(&self, wait: &W) {
        let [one, two, late_one] = ["one", "two", "late"].map(|name| self.name(name));
        let tag = |name: &str| -> Box<str> { format!("{}:{name}", self.prefix).into() };
        let (a, b) = (tag("a"), tag("b"));
        let keep = async |name: &str, tags: &[Box<str>]| self.put(Put { tags, ..put(name, b"1") }).await;
        let invalidate = async |tags: &[Box<str>]| {
            // Times are as fine as the store's clock.
            wait(Duration::from_millis(2)).await;
            good(self.store.invalidate(tags, MINUTE, None).await, "an invalidation");
            wait(Duration::from_millis(2)).await;
        };
        keep(&one, &[a.clone(), b.clone()]).await;
        keep(&two, std::slice::from_ref(&b)).await;
        let peeked = good(self.store.peek(&one).await, "a look without a judgement");
        assert!(
            peeked.entry.is_some_and(|entry| entry.created_us > peeked.latest_us),
            "it is later than any invalidation"
        );
        invalidate(std::slice::from_ref(&a)).await;
        assert!(self.found(&one).await.is_none(), "an entry is invalid by any of its tags");
        assert!(self.found(&two).await.is_some(), "one with other tags is not");
        let peeked = good(self.store.peek(&two).await, "a look without a judgement");
        let created_us = peeked.entry.map(|entry| entry.created_us);
        assert!(created_us < Some(peeked.latest_us), "it is older than the latest invalidation");

        let held = lease("held");
        let began = self.look(&late_one, &held).await;
        assert!(began.leads);
        invalidate(std::slice::from_ref(&b)).await;
        let tags = [b.clone()];
        let late = Put { lease: Some(&held.name), created_us: Some(began.now_us), tags: &tags, ..put(&late_one, b"1") };
        self.put(late).await;
        assert!(
            self.found(&late_one).await.is_none(),
            "what began before an invalidation is invalid, however late it comes"
        );
        keep(&one, std::slice::from_ref(&b)).await;
        assert!(self.found(&one).await.is_some(), "what was created afterwards is valid");
        invalidate(&["".into()]).await;
        assert!(self.found(&one).await.is_none() && self.found(&two).await.is_none(), "all have the empty tag");
        let free = self.look(&one, &lease("b")).await;
        assert!(free.entry.is_none() && free.leads, "an invalid entry is computed anew");
    }

    async fn changes(&self) {
        let Some(mut changes) = self.store.changes() else { return };
        let mut next = async || {
            let next = timeout(MINUTE, poll_fn(|cx| changes.as_mut().poll_next(cx))).await;
            let Ok(Some(heard)) = next else { panic!("no change is heard, or the stream has ended") };
            good(heard, "a change")
        };
        assert_eq!(next().await, Heard::Open, "a stream of changes says when it is open");
        let name = self.name("change");
        let mut change = Change::new(&*self.prefix);
        change.names.push((*name).into());
        good(self.store.put(&[put(&name, b"1")], Some(&change)).await, "a write");
        assert_eq!(next().await, Heard::Change(change.clone()), "a write is heard");
        good(self.store.remove(&[&name], Some(&change)).await, "a removal");
        assert_eq!(next().await, Heard::Change(change.clone()), "a removal is heard");
        let mut change = Change::new(&*self.prefix);
        change.tags = vec![(*self.prefix).into(), "a \"tag\"\n".into()];
        good(self.store.invalidate(&change.tags, MINUTE, Some(&change)).await, "an invalidation");
        assert_eq!(next().await, Heard::Change(change), "an invalidation is heard");
    }
}

fn lease(name: &str) -> Lease {
    Lease { name: format!("{name}:{:016x}", random_u64()), ttl: MINUTE }
}

fn put<'a>(name: &'a str, payload: &'static [u8]) -> Put<'a> {
    Put { version: 7, ..Put::new(name, Bytes::from_static(payload), Lives::of(MINUTE)) }
}

fn good<T>(result: Result<T, Error>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what} failed: {error}"))
}
