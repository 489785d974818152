//! What every [`SessionStore`] has to do, as functions that panic where one does not.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use axum_upstash::session::{MemoryStore, conformance};
//!
//! conformance::run(&MemoryStore::new()).await;
//! # }
//! ```

use super::{Action, Commit, Committed, Lifetime, Load, Loaded, Record, SessionKey, SessionStore};
use std::{collections::BTreeMap, time::Duration};

const HOUR: u64 = 3_600_000;

/// Runs the whole suite, under keys that nobody else has.
///
/// # Panics
/// Where the store does not behave.
pub async fn run(store: &dyn SessionStore) {
    let suite = Suite { store, now: crate::Clock::system().now_ms() };
    suite.keeps_what_was_written().await;
    suite.disjoint_writes_both_survive().await;
    suite.what_is_gone_stays_gone().await;
    suite.rotation_moves_everything_in_one_step().await;
    suite.a_taken_key_is_not_adopted().await;
    suite.the_absolute_lifetime_ends_it_in_spite_of_use().await;
}

struct Suite<'a> {
    store: &'a dyn SessionStore,
    now: u64,
}

impl Suite<'_> {
    fn lifetime(&self) -> Lifetime {
        Lifetime::new(Duration::from_millis(HOUR), Some(Duration::from_millis(24 * HOUR)))
    }

    async fn commit(&self, key: &SessionKey, action: Action, set: &[(&str, &str)], remove: &[&str]) -> Committed {
        let mut commit = Commit::new(action, self.lifetime(), self.now);
        commit.set = set.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        commit.remove = remove.iter().map(|&name| name.to_owned()).collect();
        self.store.commit(key, &commit).await.unwrap_or_else(|error| panic!("commit failed: {error}"))
    }

    async fn load(&self, key: &SessionKey, now: u64) -> Loaded {
        let load = Load::new(key, self.lifetime(), now);
        self.store.load(load).await.unwrap_or_else(|error| panic!("load failed: {error}"))
    }

    async fn load_at(&self, key: &SessionKey, now: u64) -> Option<Record> {
        match self.load(key, now).await {
            Loaded::Found(record) => Some(record),
            Loaded::Absent | Loaded::Moved => None,
        }
    }

    async fn fields(&self, key: &SessionKey) -> Option<BTreeMap<String, String>> {
        self.load_at(key, self.now).await.map(|record| record.fields)
    }

    async fn created(&self, set: &[(&str, &str)]) -> SessionKey {
        let key = SessionKey::random().unwrap_or_else(|error| panic!("no randomness: {error}"));
        assert_eq!(self.commit(&key, Action::Create, set, &[]).await, Committed::Done);
        key
    }

    async fn keeps_what_was_written(&self) {
        let text = "\"ü\\u0000 \u{1f980}\"";
        let key = self.created(&[("a", "1"), ("b", text)]).await;
        let record = self.load_at(&key, self.now).await.unwrap_or_else(|| panic!("the session is not there"));
        assert_eq!((record.created_ms, record.version), (self.now, 1));
        assert_eq!(record.fields, map(&[("a", "1"), ("b", text)]));
        assert_eq!(self.commit(&key, Action::Update, &[("a", "2")], &["b", "absent"]).await, Committed::Done);
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "2")])));
    }

    async fn disjoint_writes_both_survive(&self) {
        let key = self.created(&[("a", "1"), ("b", "1")]).await;
        // Two requests that loaded the same state.
        self.commit(&key, Action::Update, &[("a", "2")], &[]).await;
        self.commit(&key, Action::Update, &[("b", "2")], &[]).await;
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "2"), ("b", "2")])));
    }

    async fn what_is_gone_stays_gone(&self) {
        let key = self.created(&[("a", "1")]).await;
        assert_eq!(self.commit(&key, Action::Destroy, &[], &[]).await, Committed::Done);
        assert_eq!(self.commit(&key, Action::Update, &[("a", "2")], &[]).await, Committed::Gone);
        let to = SessionKey::random().unwrap_or_else(|error| panic!("no randomness: {error}"));
        assert_eq!(self.commit(&key, Action::Rotate { to: to.clone() }, &[("a", "2")], &[]).await, Committed::Gone);
        assert_eq!((self.fields(&key).await, self.fields(&to).await), (None, None));
        assert_eq!(self.commit(&key, Action::Destroy, &[], &[]).await, Committed::Done);
    }

    async fn rotation_moves_everything_in_one_step(&self) {
        let old = self.created(&[("a", "1"), ("b", "1")]).await;
        let new = SessionKey::random().unwrap_or_else(|error| panic!("no randomness: {error}"));
        let rotate = Action::Rotate { to: new.clone() };
        assert_eq!(self.commit(&old, rotate, &[("user", "7")], &["b"]).await, Committed::Done);
        assert_eq!(self.load(&old, self.now).await, Loaded::Moved);
        let record = self.load_at(&new, self.now).await.unwrap_or_else(|| panic!("the session is not there"));
        assert_eq!(record.fields, map(&[("a", "1"), ("user", "7")]));
        assert_eq!((record.created_ms, record.version), (self.now, 2));
        // Whoever had the session before learns where it went, and that nothing was written.
        let moved = Committed::moved(new.clone());
        for action in [Action::Update, Action::Destroy, Action::rotate(old.clone())] {
            assert_eq!(self.commit(&old, action, &[("a", "9")], &[]).await, moved);
        }
        assert_eq!(self.fields(&new).await, Some(map(&[("a", "1"), ("user", "7")])));
    }

    async fn a_taken_key_is_not_adopted(&self) {
        let key = self.created(&[("a", "1")]).await;
        assert_eq!(self.commit(&key, Action::Create, &[("a", "2")], &[]).await, Committed::Gone);
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "1")])));
    }

    async fn the_absolute_lifetime_ends_it_in_spite_of_use(&self) {
        let key = self.created(&[("a", "1")]).await;
        // Used every half hour, so that it is never idle.
        for half_hours in 1..48 {
            assert!(self.load_at(&key, self.now + half_hours * HOUR / 2).await.is_some(), "after {half_hours}");
        }
        assert_eq!(self.load_at(&key, self.now + 24 * HOUR).await, None);
        assert_eq!(self.fields(&key).await, None);
    }
}

fn map(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
}
