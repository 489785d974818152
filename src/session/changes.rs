use super::{
    DeviceInfo, Lifetime, PrincipalKey, SessionError,
    id::SessionId,
    store::{Change, Record},
};
use std::collections::BTreeMap;

/// The changes of a request that are not committed yet.
#[derive(Default, Clone)]
pub(super) struct Changes {
    /// A JSON text, or `None` if the attribute is removed.
    pub(super) fields: BTreeMap<String, Option<String>>,
    pub(super) expect: Vec<(String, Option<String>)>,
    pub(super) principal: Change<PrincipalKey>,
    pub(super) device: Option<DeviceInfo>,
    pub(super) lifetime: Change<Lifetime>,
    pub(super) rotate: bool,
    pub(super) destroy: bool,
    /// Some of it was written without a load.
    pub(super) unread: bool,
    /// Something is on its way to the store, or may have got there. The loaded record may be out of date, so that a value
    /// that is equal to it is a change all the same.
    pub(super) doubtful: bool,
    /// A rotation of an id that the client was not told of, which needs no other id.
    pub(super) begins_anew: bool,
    /// The next id of the session, so that a commit that is tried again is the same.
    pub(super) next: Option<SessionId>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        let Self { fields, principal, device, lifetime, rotate, destroy, .. } = self;
        fields.is_empty() && principal.is_keep() && device.is_none() && lifetime.is_keep() && !rotate && !destroy
    }

    /// Whether a session that does not exist begins with these changes.
    pub(super) fn begins(&self) -> bool {
        self.fields.values().any(Option::is_some) || matches!(self.principal, Change::Set(_))
    }

    /// Puts changes back that could not be committed, beneath newer ones.
    pub(super) fn put_back(&mut self, older: Self) {
        if !self.destroy {
            for (name, text) in older.fields {
                self.fields.entry(name).or_insert(text);
            }
            self.principal = std::mem::take(&mut self.principal).or(older.principal);
            self.device = self.device.take().or(older.device);
            self.lifetime = self.lifetime.or(older.lifetime);
        }
        self.rotate |= older.rotate;
        self.begins_anew |= older.begins_anew;
        self.unread |= older.unread && !self.destroy;
        self.destroy |= older.destroy;
        // Only a rotation is the same when it is done again; another beginning needs another id.
        self.next = self.next.take().or(older.next.filter(|_| older.rotate));
    }

    pub(super) fn next_id(&mut self) -> Result<SessionId, SessionError> {
        if let Some(next) = &self.next {
            return Ok(next.clone());
        }
        let next = SessionId::random().map_err(SessionError::no_randomness)?;
        self.next = Some(next.clone());
        Ok(next)
    }

    /// The JSON text of an attribute.
    pub(super) fn text<'a>(&'a self, record: Option<&'a Record>, name: &str) -> Option<&'a str> {
        match self.fields.get(name) {
            Some(changed) => changed.as_deref(),
            None => record?.fields.get(name).map(String::as_str),
        }
    }

    pub(super) fn set(
        &mut self,
        record: Option<&Record>,
        name: &str,
        text: String,
        size_limit: usize,
    ) -> Result<(), SessionError> {
        if self.size(record, Some(name)) + name.len() + text.len() > size_limit {
            return Err(SessionError::TooLarge { limit: size_limit });
        }
        if !self.doubtful && record.and_then(|record| record.fields.get(name)) == Some(&text) {
            self.fields.remove(name);
        } else {
            self.fields.insert(name.to_owned(), Some(text));
        }
        Ok(())
    }

    pub(super) fn unset(&mut self, record: Option<&Record>, name: &str) {
        if self.doubtful || record.is_some_and(|record| record.fields.contains_key(name)) {
            self.fields.insert(name.to_owned(), None);
        } else {
            self.fields.remove(name);
        }
    }

    /// Removes every attribute.
    pub(super) fn clear(&mut self, record: Option<&Record>) {
        let stored = record.into_iter().flat_map(|record| record.fields.keys().cloned());
        let changed = std::mem::take(&mut self.fields).into_keys().filter(|_| self.doubtful);
        self.fields = stored.chain(changed).map(|name| (name, None)).collect();
    }

    /// The size in bytes of all attributes but one.
    pub(super) fn size(&self, record: Option<&Record>, but: Option<&str>) -> usize {
        let leaves_out = |name: &str| Some(name) == but;
        let replaced = |name: &str| leaves_out(name) || self.fields.contains_key(name);
        let stored = record.map_or(0, |record| record.size_without(replaced));
        let changed = self.fields.iter().filter(|(name, _)| !leaves_out(name));
        stored + changed.filter_map(|(name, text)| Some(name.len() + text.as_ref()?.len())).sum::<usize>()
    }
}

/// A change that is committed by itself.
pub(super) struct Alone {
    pub(super) name: String,
    pub(super) text: String,
    /// The text that the store must hold.
    pub(super) stored: Option<String>,
    /// The uncommitted change of the attribute, which goes with it.
    pub(super) mine: Option<Option<String>>,
}

impl Alone {
    pub(super) fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        changes.fields.insert(self.name.clone(), Some(self.text.clone()));
        changes.expect.push((self.name.clone(), self.stored.clone()));
        changes
    }
}
