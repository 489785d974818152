//! The contract of every [`SessionStore`], as functions that panic if a store breaks it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use axum_upstash::session::{conformance, store::MemorySessionStore};
//!
//! conformance::run(&MemorySessionStore::new()).await;
//! # }
//! ```

use super::{
    DeviceInfo, Lifetime, PrincipalKey, SessionKey,
    store::{
        Change, Commit, CommitAction, CommitOutcome, Confirm, Load, Loaded, Record, SessionSelector, SessionStore,
        SessionsOf,
    },
};
use std::{collections::BTreeMap, time::Duration};

const HOUR: u64 = 3_600_000;

/// Runs the whole suite, under keys of its own.
///
/// # Panics
/// If the store breaks the contract.
pub async fn run(store: &dyn SessionStore) {
    let suite = Suite { store, now: crate::Clock::system().now_ms() };
    suite.keeps_what_was_written().await;
    suite.disjoint_writes_both_survive().await;
    suite.what_is_gone_stays_gone().await;
    suite.rotation_moves_everything_in_one_step().await;
    suite.a_taken_key_is_not_adopted().await;
    suite.the_absolute_lifetime_ends_it_in_spite_of_use().await;
    suite.without_use_it_ends().await;
    suite.a_rotation_that_comes_twice_is_done_once().await;
    suite.what_is_not_as_expected_is_not_overwritten().await;
    suite.what_was_not_loaded_is_written_where_nothing_has_to_be_known().await;
    suite.one_ends_and_another_begins().await;
    suite.a_fork_needs_the_other_one_alive().await;
    suite.a_principal_has_a_list().await;
    suite.what_was_ended_does_not_move_on().await;
    suite.a_rotation_with_a_grace_leaves_both_until_the_new_one_is_used().await;
    suite.whoever_comes_late_with_the_old_key_goes_on_there().await;
    suite.both_sides_of_a_rotation_end_together().await;
    suite.a_lifetime_of_its_own_rules().await;
    suite.a_login_begins_the_lifetime_anew().await;
}

struct Suite<'a> {
    store: &'a dyn SessionStore,
    now: u64,
}

impl Suite<'_> {
    fn lifetime(&self) -> Lifetime {
        Lifetime::new(Duration::from_millis(HOUR), Some(Duration::from_millis(24 * HOUR)))
    }

    async fn commit(
        &self,
        key: &SessionKey,
        action: CommitAction,
        set: &[(&str, &str)],
        remove: &[&str],
    ) -> CommitOutcome {
        let mut commit = Commit::at(action, self.lifetime(), self.now);
        commit.set = set.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
        commit.remove = remove.iter().map(|&name| name.to_owned()).collect();
        self.store.commit(key, &commit).await.unwrap_or_else(|error| panic!("commit failed: {error}"))
    }

    async fn load(&self, key: &SessionKey, now: u64) -> Loaded {
        let load = Load::at(key, self.lifetime(), now);
        self.store.load(load).await.unwrap_or_else(|error| panic!("load failed: {error}"))
    }

    async fn load_at(&self, key: &SessionKey, now: u64) -> Option<Record> {
        match self.load(key, now).await {
            Loaded::Found(record) => Some((*record).clone()),
            Loaded::Absent | Loaded::Moved => None,
        }
    }

    async fn fields(&self, key: &SessionKey) -> Option<BTreeMap<String, String>> {
        self.load_at(key, self.now).await.map(|record| record.fields)
    }

    async fn created(&self, set: &[(&str, &str)]) -> SessionKey {
        let key = SessionKey::random().unwrap_or_else(|error| panic!("no randomness: {error}"));
        assert_eq!(self.commit(&key, CommitAction::Create, set, &[]).await, CommitOutcome::Done);
        key
    }

    async fn keeps_what_was_written(&self) {
        let text = "\"ü\\u0000 \u{1f980}\"";
        let key = self.created(&[("a", "1"), ("b", text)]).await;
        let record = self.load_at(&key, self.now).await.unwrap_or_else(|| panic!("the session is not there"));
        assert_eq!((record.created_ms, record.version), (self.now, 1));
        assert_eq!(record.fields, map(&[("a", "1"), ("b", text)]));
        assert_eq!(self.commit(&key, CommitAction::Update, &[("a", "2")], &["b", "absent"]).await, CommitOutcome::Done);
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "2")])));
    }

    async fn disjoint_writes_both_survive(&self) {
        let key = self.created(&[("a", "1"), ("b", "1")]).await;
        // Two requests that loaded the same state.
        self.commit(&key, CommitAction::Update, &[("a", "2")], &[]).await;
        self.commit(&key, CommitAction::Update, &[("b", "2")], &[]).await;
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "2"), ("b", "2")])));
    }

    async fn what_is_gone_stays_gone(&self) {
        let key = self.created(&[("a", "1")]).await;
        assert_eq!(self.commit(&key, CommitAction::Destroy, &[], &[]).await, CommitOutcome::Done);
        assert_eq!(self.commit(&key, CommitAction::Update, &[("a", "2")], &[]).await, CommitOutcome::Gone);
        let to = SessionKey::random().unwrap_or_else(|error| panic!("no randomness: {error}"));
        assert_eq!(
            self.commit(&key, CommitAction::Rotate { to: to.clone() }, &[("a", "2")], &[]).await,
            CommitOutcome::Gone
        );
        assert_eq!((self.fields(&key).await, self.fields(&to).await), (None, None));
        assert_eq!(self.commit(&key, CommitAction::Destroy, &[], &[]).await, CommitOutcome::Done);
    }

    async fn rotation_moves_everything_in_one_step(&self) {
        let old = self.created(&[("a", "1"), ("b", "1")]).await;
        let new = SessionKey::random().unwrap_or_else(|error| panic!("no randomness: {error}"));
        let rotate = CommitAction::Rotate { to: new.clone() };
        assert_eq!(self.commit(&old, rotate, &[("user", "7")], &["b"]).await, CommitOutcome::Done);
        assert_eq!(self.load(&old, self.now).await, Loaded::Moved);
        let record = self.load_at(&new, self.now).await.unwrap_or_else(|| panic!("the session is not there"));
        assert_eq!(record.fields, map(&[("a", "1"), ("user", "7")]));
        assert_eq!((record.created_ms, record.version), (self.now, 2));
        // A commit under the old key reports the new key, and that nothing was written.
        let moved = CommitOutcome::moved(new.clone());
        for action in [CommitAction::Update, CommitAction::Destroy, CommitAction::rotate(old.clone())] {
            assert_eq!(self.commit(&old, action, &[("a", "9")], &[]).await, moved);
        }
        assert_eq!(self.fields(&new).await, Some(map(&[("a", "1"), ("user", "7")])));
    }

    async fn a_taken_key_is_not_adopted(&self) {
        let key = self.created(&[("a", "1")]).await;
        assert_eq!(self.commit(&key, CommitAction::Create, &[("a", "2")], &[]).await, CommitOutcome::Gone);
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

    async fn without_use_it_ends(&self) {
        let key = self.created(&[("a", "1")]).await;
        assert!(self.load_at(&key, self.now + HOUR * 9 / 10).await.is_some());
        // Used, and so the hour begins anew; up to a tenth of it may not be counted.
        assert!(self.load_at(&key, self.now + HOUR * 17 / 10).await.is_some());
        assert_eq!(self.load_at(&key, self.now + HOUR * 27 / 10 + 1).await, None);
        assert_eq!(self.commit(&key, CommitAction::Update, &[("a", "2")], &[]).await, CommitOutcome::Gone);
    }

    async fn a_rotation_that_comes_twice_is_done_once(&self) {
        let (old, new) = (self.created(&[("a", "1")]).await, key());
        // With what was changed since the first time, whose answer was lost.
        for set in [&[("b", "2")][..], &[("b", "2"), ("c", "3")]] {
            let mut commit = Commit::at(CommitAction::rotate(new.clone()), self.lifetime(), self.now);
            commit.set = set.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
            // The version from before: it is this rotation that has raised it.
            commit.expect.version = Some(1);
            let committed = self.store.commit(&old, &commit).await;
            assert_eq!(committed.unwrap_or_else(|error| panic!("commit failed: {error}")), CommitOutcome::Done);
        }
        assert_eq!(self.load(&old, self.now).await, Loaded::Moved);
        assert_eq!(self.fields(&new).await, Some(map(&[("a", "1"), ("b", "2"), ("c", "3")])));
    }

    async fn what_is_not_as_expected_is_not_overwritten(&self) {
        let key = self.created(&[("a", "1")]).await;
        let write = async |version: Option<u64>, fields: &[(&str, Option<&str>)]| {
            let mut commit = Commit::at(CommitAction::Update, self.lifetime(), self.now);
            commit.set.push(("a".to_owned(), "2".to_owned()));
            commit.expect.version = version;
            let owned = |&(name, text): &(&str, Option<&str>)| (name.to_owned(), text.map(str::to_owned));
            commit.expect.fields = fields.iter().map(owned).collect();
            self.store.commit(&key, &commit).await.unwrap_or_else(|error| panic!("commit failed: {error}"))
        };
        for (version, fields) in [
            (Some(7), &[][..]),
            (None, &[("a", Some("9"))]),
            (None, &[("a", None)]),
            (None, &[("b", Some(""))]),
            (Some(1), &[("a", Some("1")), ("b", Some("1"))]),
        ] {
            assert_eq!(write(version, fields).await, CommitOutcome::Conflict, "{version:?} {fields:?}");
        }
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "1")])));
        assert_eq!(write(Some(1), &[("a", Some("1")), ("b", None)]).await, CommitOutcome::Done);
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "2")])));
    }

    async fn what_was_not_loaded_is_written_where_nothing_has_to_be_known(&self) {
        let key = self.created(&[("a", "12345")]).await;
        let write = async |key: &SessionKey, name: &str, text: &str, now: u64| {
            let mut commit = Commit::at(CommitAction::Update, self.lifetime(), now);
            commit.set.push((name.to_owned(), text.to_owned()));
            commit.unread = Some(12);
            // No attributes, and not counted.
            let details = DeviceInfo { user_agent: Some("a browser".to_owned()), ..DeviceInfo::default() };
            commit.device = Some(details);
            self.store.commit(key, &commit).await.unwrap_or_else(|error| panic!("commit failed: {error}"))
        };
        // Twelve bytes with the names; what takes another's place does not count twice.
        assert_eq!(write(&key, "b", "123456", self.now).await, CommitOutcome::Unread);
        assert_eq!(write(&key, "b", "12345", self.now).await, CommitOutcome::Done);
        assert_eq!(write(&key, "b", "54321", self.now).await, CommitOutcome::Done);
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "12345"), ("b", "54321")])));
        // Its use is news, and its client may have to be told.
        assert_eq!(write(&key, "b", "1", self.now + HOUR / 2).await, CommitOutcome::Unread);
        assert_eq!(self.fields(&key).await, Some(map(&[("a", "12345"), ("b", "54321")])));
        assert_eq!(write(&self::key(), "b", "1", self.now).await, CommitOutcome::Gone);
        assert_eq!(write(&key, "b", "1", self.now + HOUR + 1).await, CommitOutcome::Gone);
    }

    async fn one_ends_and_another_begins(&self) {
        let (old, new) = (self.created(&[("a", "1")]).await, key());
        assert_eq!(
            self.commit(&old, CommitAction::replace(new.clone()), &[("b", "2")], &[]).await,
            CommitOutcome::Done
        );
        assert_eq!(self.load(&old, self.now).await, Loaded::Absent);
        assert_eq!(self.fields(&new).await, Some(map(&[("b", "2")])));
        // Also if the old one had ended before.
        let newer = key();
        assert_eq!(
            self.commit(&old, CommitAction::replace(newer.clone()), &[("c", "3")], &[]).await,
            CommitOutcome::Done
        );
        assert_eq!(self.fields(&newer).await, Some(map(&[("c", "3")])));
    }

    async fn a_fork_needs_the_other_one_alive(&self) {
        let (other, moved_to, own) = (self.created(&[("a", "1")]).await, key(), key());
        assert_eq!(self.commit(&other, CommitAction::rotate(moved_to.clone()), &[], &[]).await, CommitOutcome::Done);
        let fork = |of: &SessionKey| CommitAction::fork(of.clone());
        assert_eq!(self.commit(&own, fork(&other), &[("a", "1")], &[]).await, CommitOutcome::moved(moved_to.clone()));
        assert_eq!(self.commit(&own, fork(&moved_to), &[("a", "1")], &[]).await, CommitOutcome::Done);
        assert_eq!(self.fields(&own).await, Some(map(&[("a", "1")])));
        assert_eq!(self.commit(&moved_to, CommitAction::Destroy, &[], &[]).await, CommitOutcome::Done);
        let late = key();
        assert_eq!(self.commit(&late, fork(&moved_to), &[("a", "1")], &[]).await, CommitOutcome::Gone);
        assert_eq!(self.fields(&late).await, None);
        // It ends when the other one does, and has no owner but the other one's.
        let (who, stranger) = (principal(), principal());
        let other = self.of(&who).await;
        let mut commit = Commit::at(fork(&other), self.lifetime(), self.now + 23 * HOUR);
        commit.set.push(("a".to_owned(), "1".to_owned()));
        commit.new_principal = Change::Set(who.clone());
        let try_fork = async |key: &SessionKey, commit: &Commit| {
            self.store.commit(key, commit).await.unwrap_or_else(|error| panic!("commit failed: {error}"))
        };
        for is in [None, Some(stranger)] {
            commit.principal = is;
            assert_eq!(try_fork(&late, &commit).await, CommitOutcome::Gone);
        }
        let used = async |hours: u64| assert!(self.load_at(&other, self.now + hours * HOUR / 2).await.is_some());
        for half_hours in 1..46 {
            used(half_hours).await;
        }
        commit.principal = Some(who.clone());
        assert_eq!(try_fork(&late, &commit).await, CommitOutcome::Done);
        assert_eq!(self.load_at(&late, self.now + 24 * HOUR).await, None);
        assert_eq!(self.end(&who, SessionSelector::All).await, 1);
    }

    /// Creates a session that belongs to `principal`.
    async fn of(&self, principal: &PrincipalKey) -> SessionKey {
        let (key, mut commit) = (key(), Commit::at(CommitAction::Create, self.lifetime(), self.now));
        commit.set.push(("a".to_owned(), "1".to_owned()));
        commit.new_principal = Change::Set(principal.clone());
        let committed = self.store.commit(&key, &commit).await;
        assert_eq!(committed.unwrap_or_else(|error| panic!("commit failed: {error}")), CommitOutcome::Done);
        key
    }

    async fn listed(&self, principal: &PrincipalKey) -> Vec<String> {
        let query = SessionsOf::at(principal, self.lifetime(), self.now);
        let list = self.store.sessions_of(query).await.unwrap_or_else(|error| panic!("list failed: {error}"));
        let mut list: Vec<String> = list
            .into_iter()
            .map(|(key, record)| {
                assert_eq!((record.principal.as_ref(), record.fields.len()), (Some(principal), 0));
                key.as_str().to_owned()
            })
            .collect();
        list.sort();
        list
    }

    async fn end(&self, principal: &PrincipalKey, which: SessionSelector<'_>) -> usize {
        let query = SessionsOf::at(principal, self.lifetime(), self.now);
        self.store.end(query, which).await.unwrap_or_else(|error| panic!("end failed: {error}"))
    }

    /// Moves a session to another key, for a request that may not know its principal.
    async fn rotated(&self, from: &SessionKey, to: &SessionKey, of: Option<&PrincipalKey>) -> CommitOutcome {
        let mut commit = Commit::at(CommitAction::rotate(to.clone()), self.lifetime(), self.now);
        commit.principal = of.cloned();
        self.store.commit(from, &commit).await.unwrap_or_else(|error| panic!("commit failed: {error}"))
    }

    async fn a_principal_has_a_list(&self) {
        let (who, other) = (principal(), principal());
        let [one, two, three] = [self.of(&who).await, self.of(&who).await, self.of(&who).await];
        let stranger = self.of(&other).await;
        assert_eq!(self.listed(&who).await, names(&[&one, &two, &three]));
        // It goes along with a rotation, which has to know whose it is.
        let moved = key();
        assert_eq!(self.rotated(&one, &moved, None).await, CommitOutcome::principal(Some(who.clone())));
        assert_eq!(self.rotated(&one, &moved, Some(&who)).await, CommitOutcome::Done);
        assert_eq!(self.listed(&who).await, names(&[&moved, &two, &three]));
        // The session changes its owner, and then has none.
        let mut commit = Commit::at(CommitAction::Update, self.lifetime(), self.now);
        (commit.principal, commit.new_principal) = (Some(who.clone()), Change::Set(other.clone()));
        assert!(matches!(self.store.commit(&two, &commit).await, Ok(CommitOutcome::Done)));
        (commit.principal, commit.new_principal) = (Some(who.clone()), Change::Clear);
        assert!(matches!(self.store.commit(&three, &commit).await, Ok(CommitOutcome::Done)));
        assert_eq!(self.listed(&who).await, names(&[&moved]));
        assert_eq!(self.listed(&other).await, names(&[&two, &stranger]));
        // A session that ends leaves the list, even if its request did not know the principal.
        assert_eq!(self.commit(&stranger, CommitAction::Destroy, &[], &[]).await, CommitOutcome::Done);
        assert_eq!(self.listed(&other).await, names(&[&two]));
        // By the key that it had a moment ago.
        assert_eq!(self.end(&other, SessionSelector::One(&moved)).await, 0, "it belongs to another principal");
        assert_eq!(self.end(&other, SessionSelector::Others(&moved)).await, 1, "all of one's own");
        assert_eq!(self.listed(&who).await, names(&[&moved]));
        assert_eq!(self.end(&who, SessionSelector::One(&one)).await, 1);
        assert_eq!(self.end(&who, SessionSelector::One(&one)).await, 0);
        assert_eq!((self.listed(&who).await, self.fields(&moved).await), (Vec::new(), None));
    }

    async fn what_was_ended_does_not_move_on(&self) {
        let who = principal();
        let (kept, one, two) = (self.of(&who).await, self.of(&who).await, self.of(&who).await);
        assert_eq!(self.end(&who, SessionSelector::Others(&kept)).await, 2);
        for ended in [&one, &two] {
            assert_eq!(self.rotated(ended, &key(), Some(&who)).await, CommitOutcome::Gone);
            assert_eq!(self.commit(ended, CommitAction::Update, &[("a", "2")], &[]).await, CommitOutcome::Gone);
        }
        assert_eq!(self.listed(&who).await, names(&[&kept]));
        // The one that was kept goes on as before.
        let moved = key();
        assert_eq!(self.rotated(&kept, &moved, Some(&who)).await, CommitOutcome::Done);
        assert_eq!(self.end(&who, SessionSelector::All).await, 1);
        assert_eq!(self.rotated(&moved, &key(), Some(&who)).await, CommitOutcome::Gone);
        // A login after that succeeds.
        let new = self.of(&who).await;
        assert_eq!(self.rotated(&new, &key(), Some(&who)).await, CommitOutcome::Done);
        assert_eq!(self.end(&who, SessionSelector::All).await, 1);
    }
}

impl Suite<'_> {
    async fn send(&self, key: &SessionKey, commit: &Commit) -> CommitOutcome {
        self.store.commit(key, commit).await.unwrap_or_else(|error| panic!("commit failed: {error}"))
    }

    fn at(&self, action: CommitAction, now_ms: u64) -> Commit {
        let mut commit = Commit::at(action, self.lifetime(), now_ms);
        commit.grace_ms = HOUR / 2;
        commit
    }

    /// A session, and another one that it was rotated to.
    async fn rotated_pair(&self, principal: Option<&PrincipalKey>) -> (SessionKey, SessionKey) {
        let (old, new) = (key(), key());
        let mut begin = self.at(CommitAction::Create, self.now);
        begin.set.push(("a".to_owned(), "1".to_owned()));
        begin.new_principal = principal.map_or(Change::Keep, |principal| Change::Set(principal.clone()));
        assert_eq!(self.send(&old, &begin).await, CommitOutcome::Done);
        let mut rotate = self.at(CommitAction::rotate(new.clone()), self.now);
        rotate.principal = principal.cloned();
        rotate.set.push(("b".to_owned(), "2".to_owned()));
        assert_eq!(self.send(&old, &rotate).await, CommitOutcome::Done);
        (old, new)
    }

    async fn confirm(&self, new: &SessionKey, old: &SessionKey, principal: Option<&PrincipalKey>) {
        let confirm = Confirm::at(new, old, principal, self.now);
        self.store.confirm(confirm).await.unwrap_or_else(|error| panic!("confirm failed: {error}"));
    }

    async fn a_rotation_with_a_grace_leaves_both_until_the_new_one_is_used(&self) {
        let (old, new) = self.rotated_pair(None).await;
        let was = self.load_at(&old, self.now).await.unwrap_or_else(|| panic!("the old session is not there"));
        assert_eq!((was.fields, was.replaced.map(|by| by.by)), (map(&[("a", "1")]), Some(new.clone())));
        let is = self.load_at(&new, self.now).await.unwrap_or_else(|| panic!("the new session is not there"));
        assert_eq!((is.fields, is.replaces), (map(&[("a", "1"), ("b", "2")]), Some(old.clone())));
        // Changes on their way to the old session would be lost with it.
        assert_eq!(
            self.commit(&old, CommitAction::Update, &[("a", "9")], &[]).await,
            CommitOutcome::moved(new.clone())
        );
        // CommitResult twice, it is done once; and what was not loaded is, before anything is written.
        let mut again = self.at(CommitAction::rotate(new.clone()), self.now);
        again.set.push(("c".to_owned(), "3".to_owned()));
        assert_eq!(self.send(&old, &again).await, CommitOutcome::Done);
        let mut unread = self.at(CommitAction::Update, self.now);
        unread.unread = Some(1_000);
        assert_eq!(self.send(&new, &unread).await, CommitOutcome::Unread);
        for _ in 0..2 {
            self.confirm(&new, &old, None).await;
            assert_eq!(self.load(&old, self.now).await, Loaded::Moved);
        }
        let is = self.load_at(&new, self.now).await.unwrap_or_else(|| panic!("the new session is not there"));
        assert_eq!((is.fields, is.replaces), (map(&[("a", "1"), ("b", "2"), ("c", "3")]), None));
        assert_eq!(self.send(&new, &unread).await, CommitOutcome::Done);
    }

    async fn whoever_comes_late_with_the_old_key_goes_on_there(&self) {
        let (old, new) = self.rotated_pair(None).await;
        let late = self.now + 11_000;
        // One that arrived before the rotation knows nothing of what the client has now.
        let mut straggler = self.at(CommitAction::Update, late);
        straggler.since_ms = self.now - 1;
        assert_eq!(self.send(&old, &straggler).await, CommitOutcome::moved(new.clone()));
        let others = [new.clone()];
        let load = Load { others: &others, ..Load::at(&old, self.lifetime(), late) };
        assert!(matches!(self.store.load(load).await, Ok(Loaded::Moved)), "the client has the new key as well");
        let record = self.load_at(&old, late).await.unwrap_or_else(|| panic!("the old session is not there"));
        assert_eq!((record.fields, record.replaced), (map(&[("a", "1")]), None));
        let mut write = self.at(CommitAction::Update, late);
        write.set.push(("a".to_owned(), "2".to_owned()));
        assert_eq!(self.send(&old, &write).await, CommitOutcome::Done);
        // It has its whole time again; and the first use of the new key ends it all the same.
        assert!(self.load_at(&old, late + HOUR * 9 / 10).await.is_some());
        self.confirm(&new, &old, None).await;
        assert_eq!(self.load(&old, self.now).await, Loaded::Moved);
    }

    async fn both_sides_of_a_rotation_end_together(&self) {
        let who = principal();
        for by_new in [true, false] {
            let (old, new) = self.rotated_pair(Some(&who)).await;
            assert_eq!(self.listed(&who).await, names(&[&new]), "one session");
            let (ends, other) = if by_new { (&new, &old) } else { (&old, &new) };
            let mut destroy = self.at(CommitAction::Destroy, self.now);
            destroy.principal = Some(who.clone());
            assert_eq!(self.send(ends, &destroy).await, CommitOutcome::linked(other.clone()));
            assert!(self.fields(ends).await.is_some(), "nothing was done yet");
            destroy.linked = Some(other.clone());
            for _ in 0..2 {
                assert_eq!(self.send(ends, &destroy).await, CommitOutcome::Done);
                assert_eq!((self.fields(&old).await, self.fields(&new).await), (None, None));
            }
            let (old, new) = self.rotated_pair(Some(&who)).await;
            assert_eq!(self.end(&who, SessionSelector::One(if by_new { &new } else { &old })).await, 1);
            assert_eq!((self.fields(&old).await, self.fields(&new).await), (None, None));
            let (old, new) = self.rotated_pair(Some(&who)).await;
            assert_eq!(self.end(&who, SessionSelector::All).await, 1);
            assert_eq!((self.fields(&old).await, self.fields(&new).await), (None, None));
        }
    }

    async fn a_lifetime_of_its_own_rules(&self) {
        let key = self.created(&[("a", "1")]).await;
        let mut longer = self.at(CommitAction::Update, self.now);
        longer.own_lifetime =
            Change::Set(Lifetime::new(Duration::from_millis(3 * HOUR), Some(Duration::from_millis(5 * HOUR))));
        assert_eq!(self.send(&key, &longer).await, CommitOutcome::Done);
        assert!(self.load_at(&key, self.now + 2 * HOUR).await.is_some_and(|record| record.lifetime.is_some()));
        assert!(self.load_at(&key, self.now + 4 * HOUR).await.is_some());
        assert!(self.load_at(&key, self.now + 5 * HOUR).await.is_none());
        let key = self.created(&[("a", "1")]).await;
        assert_eq!(self.send(&key, &longer).await, CommitOutcome::Done);
        longer.own_lifetime = Change::Clear;
        assert_eq!(self.send(&key, &longer).await, CommitOutcome::Done);
        assert!(self.load_at(&key, self.now + HOUR).await.is_none());
    }

    async fn a_login_begins_the_lifetime_anew(&self) {
        let (old, new, who) = (self.created(&[("a", "1")]).await, key(), principal());
        for half_hours in 1..47 {
            assert!(self.load_at(&old, self.now + half_hours * HOUR / 2).await.is_some());
        }
        let login_ms = self.now + 47 * HOUR / 2;
        let mut login = self.at(CommitAction::rotate(new.clone()), login_ms);
        login.new_principal = Change::Set(who.clone());
        assert_eq!(self.send(&old, &login).await, CommitOutcome::Done);
        let record = self.load_at(&new, login_ms + HOUR * 9 / 10).await.unwrap_or_else(|| panic!("it ended"));
        assert_eq!((record.created_ms, record.authenticated_ms), (login_ms, Some(login_ms)));
        assert_eq!(self.end(&who, SessionSelector::All).await, 1);
    }
}

fn key() -> SessionKey {
    SessionKey::random().unwrap_or_else(|error| panic!("no randomness: {error}"))
}

fn principal() -> PrincipalKey {
    PrincipalKey::of(key().as_str())
}

fn names(keys: &[&SessionKey]) -> Vec<String> {
    let mut names: Vec<String> = keys.iter().map(|key| key.as_str().to_owned()).collect();
    names.sort();
    names
}

fn map(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
}
