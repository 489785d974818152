use crate::local::qstash::ids;

/// The keys that sign deliveries.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) current: String,
    pub(crate) next: String,
}

impl Keys {
    /// The keys after a rotation: the next one signs now.
    #[must_use]
    pub(crate) fn rotated(&self) -> Self {
        Self { current: self.next.clone(), next: ids::signing_key() }
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}
