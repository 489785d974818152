use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// The cursors of pages: with one that comes a second time there would be no end.
#[derive(Debug, Default)]
pub(crate) struct SeenCursors(HashSet<u64>);

impl SeenCursors {
    /// Whether the cursor comes for the first time. Hashes are kept, as a listing may have many.
    pub(crate) fn is_new(&mut self, cursor: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        cursor.hash(&mut hasher);
        self.0.insert(hasher.finish())
    }
}
