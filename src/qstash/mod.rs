//! QStash.
