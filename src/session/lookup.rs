//! The session on its way from the store.

use super::{
    LoadFailure, SessionError, SessionKey,
    config::STORE,
    id::SessionId,
    inner::Inner,
    state::Content,
    store::{Confirm, Load, Loaded, Record},
};
use crate::Error;
use std::sync::Arc;

impl Inner {
    /// Loads the session once, however many ask.
    pub(super) async fn load(&self) -> Result<(), SessionError> {
        if self.used()?.is_loaded() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        let id = {
            let state = self.state();
            if state.is_loaded() {
                return Ok(());
            }
            state.id.clone()
        };
        let Some(id) = id else { return Ok(()) };
        // Also if the caller has been dropped.
        let mut looking = Looking { session: self, failed: true };
        match self.find(id).await {
            Ok((loaded, asked_ms)) => {
                looking.failed = false;
                self.state().learn(loaded, asked_ms, self.config.clock.now_ms());
                Ok(())
            }
            Err(error)
                if self.config.load_failure == LoadFailure::Anonymous && (error.is_outage() || error.is_denial()) =>
            {
                // The breaker has said it aloud, once.
                tracing::debug!(%error, "session store unavailable, the request goes on without its session");
                self.state().make_read_only();
                Ok(())
            }
            Err(error) => Err(SessionError::Unavailable(error)),
        }
    }

    /// The session of the first of the client's cookies that has one, and when it was asked for.
    async fn find(&self, mut id: SessionId) -> Result<(Loaded, u64), Error> {
        loop {
            let (loaded, asked_ms) = self.fetch(&id).await?;
            if matches!(loaded, Loaded::Found(_)) {
                return Ok((loaded, asked_ms));
            }
            let mut state = self.state();
            if matches!(loaded, Loaded::Moved) {
                state.put_moved();
            }
            match state.take_other() {
                Some(other) => id = other,
                None if state.take_moved() => return Ok((Loaded::Moved, asked_ms)),
                None => return Ok((loaded, asked_ms)),
            }
        }
    }

    /// Fetches the record, with the time of the request.
    async fn fetch(&self, id: &SessionId) -> Result<(Loaded, u64), Error> {
        let config = &self.config;
        let (key, now_ms) = (id.key(), config.clock.now_ms());
        let others: Vec<SessionKey> = self.state().others.iter().map(|(id, _)| id.key().clone()).collect();
        let since_ms = self.since_ms;
        let load = Load { since_ms, others: &others, ..Load::at(key, config.lifetime, now_ms) };
        let loaded = config.breaker.call(STORE, config.timeout, config.store.load(load)).await?;
        let loaded = match loaded {
            // The client came with its new id: nothing is left to the old one. Once for each rotation, so that it takes
            // no room in each handler's future.
            Loaded::Found(record) if record.replaces.is_some() && self.state().is_presented() => {
                Box::pin(self.confirm(key, record, now_ms)).await?
            }
            loaded => loaded,
        };
        if let Loaded::Found(record) = &loaded {
            // The store has begun the time anew, and so does the browser. Of a session that was rotated it has a newer
            // cookie, or may have.
            let touched = record.is_touch(config.lifetime, now_ms) && record.replaced.is_none();
            if touched && config.cookie.is_persistent(record) {
                self.state().refresh_cookie();
            }
        }
        Ok((loaded, now_ms))
    }

    /// Ends what the session was before its last rotation.
    async fn confirm(&self, key: &SessionKey, record: Arc<Record>, now_ms: u64) -> Result<Loaded, Error> {
        let config = &self.config;
        if let Some(old) = &record.replaces {
            let confirm = Confirm::at(key, old, record.principal.as_ref(), now_ms);
            config.breaker.call(STORE, config.timeout, config.store.confirm(confirm)).await?;
        }
        Ok(Loaded::Found(record))
    }

    /// Loads the session again, even if it is loaded. Earlier changes keep their expected values.
    pub(super) async fn reload(&self) -> Result<(), SessionError> {
        let _turn = self.turn.lock().await;
        let Some(id) = self.state().id.clone() else { return Ok(()) };
        let (loaded, asked_ms) = self.fetch(&id).await.map_err(SessionError::Unavailable)?;
        let mut state = self.state();
        let before = state.content.record().filter(|_| !state.changes.is_empty()).map(|record| record.version);
        state.learn(loaded, asked_ms, self.config.clock.now_ms());
        if let (Content::Found(record), Some(version)) = (&mut state.content, before) {
            Arc::make_mut(record).version = version;
        }
        Ok(())
    }
}

/// A load of the session, which counts as failed unless it ends well.
struct Looking<'a> {
    session: &'a Inner,
    failed: bool,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if self.failed {
            self.session.state().make_unreadable();
        }
    }
}
