//! The changes on their way to the store.

use super::{
    ConflictPolicy, SessionError,
    changes::{Alone, Changes},
    commit_step::{CommitStep, Next, When},
    config::STORE,
    inner::Inner,
    store::{Commit, CommitAction},
};
use crate::{Error, ErrorKind, breaker::late, rt::timeout};

/// The number of steps of a commit: rotations that are followed, all within seconds, and what is learned on the way.
const MAX_STEPS: usize = 6;

impl Inner {
    /// Commits the changes.
    pub(super) async fn flush(&self) -> Result<(), SessionError> {
        if self.send(None).await? == CommitResult::Done {
            return Ok(());
        }
        // Seldom, so that it takes no room in each handler's future.
        Box::pin(async {
            self.load().await?;
            match self.send(None).await? {
                CommitResult::Done => Ok(()),
                CommitResult::Unread => Err(SessionError::Unavailable(unreadable())),
            }
        })
        .await
    }

    /// Commits the changes, or this one alone.
    pub(super) async fn send(&self, alone: Option<Alone>) -> Result<CommitResult, SessionError> {
        let config = &*self.config;
        let _turn = self.turn.lock().await;
        let now_ms = config.clock.now_ms();
        // A change that goes alone has an expectation of its own.
        let reject = config.conflict_policy == ConflictPolicy::Reject && alone.is_none();
        let grace_ms = u64::try_from(config.rotation_grace.as_millis()).unwrap_or(u64::MAX).min(1 << 50);
        let when = When {
            lifetime: config.lifetime,
            now_ms,
            since_ms: self.since_ms,
            grace_ms,
            reject,
            size_limit: config.size_limit,
        };
        let (was_doubtful, others);
        let (mut taken, mut step) = {
            let mut state = self.state();
            let restore = alone.is_none();
            let mut changes = match &alone {
                Some(alone) => alone.changes(),
                None if state.must_load(reject) => return Ok(CommitResult::Unread),
                None => state.take_changes(config.size_limit)?,
            };
            let destroys = changes.destroy;
            // The sessions of other cookies of the name would come to light.
            others = if destroys { state.other_ids() } else { Vec::new() };
            let step = CommitStep::first(&mut changes, &state.known(), when)?;
            if step.is_none() && destroys && others.is_empty() {
                state.ended();
            }
            was_doubtful = state.changes.doubtful;
            let asks = step.is_some() || !others.is_empty();
            state.changes.doubtful |= asks;
            (Taken { session: self, changes: Some(changes).filter(|_| restore) }, step)
        };
        if step.is_none() && others.is_empty() {
            taken.changes = None;
            return Ok(CommitResult::Done);
        }
        // While the circuit is open the changes go back into `changes`, and nothing is in doubt.
        let permit = config.breaker.permit(config.timeout).map_err(|error| {
            self.state().changes.doubtful = was_doubtful;
            SessionError::Unavailable(error)
        })?;
        let work = async {
            for id in &others {
                let commit = Commit::at(CommitAction::Destroy, when.lifetime, when.now_ms);
                let ends = Box::new(CommitStep::new(id.key(), commit, None));
                // Seldom, so that it takes no room in each handler's future. One that is not there has ended as well.
                if let Err(error @ SessionError::Unavailable(_)) = Box::pin(self.carry_out(ends)).await {
                    return Err(error);
                }
            }
            match step.take() {
                Some(step) => self.carry_out(step).await,
                None => Ok(Outcome::Ended),
            }
        };
        let result = timeout(config.timeout, std::pin::pin!(work))
            .await
            .unwrap_or_else(|_| Err(SessionError::Unavailable(late(STORE))));
        match &result {
            Err(SessionError::Unavailable(error)) => permit.failed(error, STORE),
            _ => permit.succeeded(STORE),
        }
        let mut state = self.state();
        if !matches!(result, Err(SessionError::Unavailable(_))) {
            state.changes.doubtful = was_doubtful;
        }
        match result {
            // The changes go back.
            Ok(Outcome::Unread) => Ok(CommitResult::Unread),
            Ok(Outcome::Ended) => {
                taken.changes = None;
                state.clear_others();
                state.ended();
                Ok(CommitResult::Done)
            }
            Ok(Outcome::Done(step)) => {
                taken.changes = None;
                if !others.is_empty() {
                    state.clear_others();
                }
                state.committed(*step);
                if let Some(alone) = alone
                    && state.changes.fields.get(&alone.name) == alone.mine.as_ref()
                {
                    state.changes.fields.remove(&alone.name);
                }
                Ok(CommitResult::Done)
            }
            // The store may not have it: it is tried again, if there is another time.
            Err(error @ SessionError::Unavailable(_)) => Err(error),
            Err(error) => {
                taken.changes = None;
                match error {
                    SessionError::Gone if state.is_lost(config.clock.now_ms()) => {
                        state.moved();
                        return Err(SessionError::Moved);
                    }
                    SessionError::Gone => state.ended(),
                    SessionError::Moved => state.moved(),
                    _ => {}
                }
                Err(error)
            }
        }
    }
}

/// The work of the store.
enum Outcome {
    Done(Box<CommitStep>),
    /// Only the sessions of other cookies had to be ended.
    Ended,
    Unread,
}

impl Inner {
    /// Takes one step after the other, as the store's answers demand.
    async fn carry_out(&self, mut step: Box<CommitStep>) -> Result<Outcome, SessionError> {
        let config = &self.config;
        for _ in 0..MAX_STEPS {
            let outcome = config.store.commit(&step.key, &step.commit).await.map_err(SessionError::Unavailable)?;
            let lost = self.state().is_lost(config.clock.now_ms());
            match step.next(outcome, lost) {
                Next::Done(done) => return Ok(Outcome::Done(done)),
                Next::Unread => return Ok(Outcome::Unread),
                Next::Again(again) => step = again,
                Next::Failed(error) => return Err(error),
            }
        }
        Err(SessionError::Moved)
    }
}

/// The result of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitResult {
    Done,
    /// The session has to be loaded first.
    Unread,
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Decode, "the session store answered `unread` again after the session was loaded")
}

/// Changes on their way. Unless they arrive, they go back.
struct Taken<'a> {
    session: &'a Inner,
    changes: Option<Changes>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(changes) = self.changes.take() {
            self.session.state().changes.put_back(changes);
        }
    }
}
