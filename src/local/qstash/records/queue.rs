use std::sync::Arc;

/// A queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) parallelism: u32,
    pub(crate) is_paused: bool,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
}
