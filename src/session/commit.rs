//! What was changed, on its way to the store.

use super::{
    Commit, CommitAction, ConflictPolicy, Session, SessionError,
    changes::{Alone, Next, Pending, Plan, When},
    config::STORE,
    state::Uncommitted,
};
use crate::{Error, ErrorKind, breaker::late, rt::timeout};

/// How many steps a commit may take: rotations that are followed, all within seconds, and what is learned on the way.
const MAX_STEPS: usize = 6;

impl Session {
    /// Ends the time for changes. Says what is left to be committed.
    pub(super) fn close(&self, keep: bool) -> Result<Uncommitted, SessionError> {
        let mut state = self.state();
        state.closed = true;
        if !keep {
            // Changes of a request that failed are not kept: the client was told that nothing was done. Whoever wanted to
            // be logged out, is.
            state.pending = Pending { destroy: state.pending.destroy, ..Pending::default() };
        }
        if state.read_only && !state.pending.destroy {
            let lost = !std::mem::take(&mut state.pending).is_empty();
            return if lost { Err(SessionError::ReadOnly) } else { Ok(Uncommitted::Nothing) };
        }
        Ok(match &state.pending {
            pending if pending.is_empty() => Uncommitted::Nothing,
            pending if pending.rotate => Uncommitted::Rotation,
            _ => Uncommitted::Changes,
        })
    }

    /// Commits what is pending.
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

    /// Commits what is pending, or these changes alone.
    pub(super) async fn send(&self, alone: Option<Alone>) -> Result<CommitResult, SessionError> {
        let config = &*self.inner.config;
        let _asking = self.inner.asking.lock().await;
        let now_ms = config.clock.now_ms();
        // A change that goes alone says itself what it expects.
        let reject = config.conflict_policy == ConflictPolicy::Reject && alone.is_none();
        let grace_ms = u64::try_from(config.rotation_grace.as_millis()).unwrap_or(u64::MAX).min(1 << 50);
        let when = When {
            lifetime: config.lifetime,
            now_ms,
            since_ms: self.inner.since_ms,
            grace_ms,
            reject,
            size_limit: config.size_limit,
        };
        let (was_doubtful, others);
        let (mut taken, plan) = {
            let mut state = self.state();
            let restore = alone.is_none();
            let mut pending = match &alone {
                Some(alone) => alone.pending(),
                None if state.has_to_look(reject) => return Ok(CommitResult::Unread),
                None => state.take_pending(config.size_limit)?,
            };
            let destroys = pending.destroy;
            // What the client has under other cookies of the name would come to light.
            others = if destroys { state.other_ids() } else { Vec::new() };
            let plan = pending.plan(&state.known(), when)?;
            if plan.is_none() && destroys && others.is_empty() {
                state.ended();
            }
            was_doubtful = state.pending.doubtful;
            let asks = plan.is_some() || !others.is_empty();
            state.pending.doubtful |= asks;
            (Taken { session: self, pending: Some(pending).filter(|_| restore) }, plan)
        };
        let mut plan = match plan {
            None if others.is_empty() => {
                taken.pending = None;
                return Ok(CommitResult::Done);
            }
            plan => plan,
        };
        // While the circuit is open the changes go back where they were, and nothing is in doubt.
        let permit = config.breaker.permit(config.timeout).map_err(|error| {
            self.state().pending.doubtful = was_doubtful;
            SessionError::Unavailable(error)
        })?;
        let work = async {
            for id in &others {
                let commit = Commit::new(CommitAction::Destroy, when.lifetime, when.now_ms);
                let ends = Box::new(Plan::new(id.key(), commit, None));
                // Seldom, so that it takes no room in each handler's future. One that is not there has ended as well.
                if let Err(error @ SessionError::Unavailable(_)) = Box::pin(self.carry_out(ends)).await {
                    return Err(error);
                }
            }
            match plan.take() {
                Some(plan) => self.carry_out(plan).await,
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
            state.pending.doubtful = was_doubtful;
        }
        match result {
            // What was to be done goes back.
            Ok(Outcome::Unread) => Ok(CommitResult::Unread),
            Ok(Outcome::Ended) => {
                taken.pending = None;
                state.clear_others();
                state.ended();
                Ok(CommitResult::Done)
            }
            Ok(Outcome::Done(plan)) => {
                taken.pending = None;
                if !others.is_empty() {
                    state.clear_others();
                }
                state.committed(*plan);
                if let Some(alone) = alone
                    && state.pending.fields.get(&alone.name) == alone.mine.as_ref()
                {
                    state.pending.fields.remove(&alone.name);
                }
                Ok(CommitResult::Done)
            }
            // The store may not have it: it is tried again, if there is another time.
            Err(error @ SessionError::Unavailable(_)) => Err(error),
            Err(error) => {
                taken.pending = None;
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

/// What the store did.
enum Outcome {
    Done(Box<Plan>),
    /// There was nothing to do but to end the sessions of other cookies.
    Ended,
    Unread,
}

impl Session {
    /// Asks the store for what is planned, and for what its answers make of it.
    async fn carry_out(&self, mut plan: Box<Plan>) -> Result<Outcome, SessionError> {
        let config = &self.inner.config;
        for _ in 0..MAX_STEPS {
            let answer = config.store.commit(&plan.key, &plan.commit).await.map_err(SessionError::Unavailable)?;
            let lost = self.state().is_lost(config.clock.now_ms());
            match plan.next(answer, lost) {
                Next::Done(done) => return Ok(Outcome::Done(done)),
                Next::Unread => return Ok(Outcome::Unread),
                Next::Again(again) => plan = again,
                Next::Failed(error) => return Err(error),
            }
        }
        Err(SessionError::Moved)
    }
}

/// What became of what was to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CommitResult {
    Done,
    /// The session has to be loaded first.
    Unread,
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Decode, "the session store has to know what it was told")
}

/// Changes on their way: they go back where they were, if nobody says that they arrived.
struct Taken<'a> {
    session: &'a Session,
    pending: Option<Pending>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.session.state().pending.put_back(pending);
        }
    }
}
