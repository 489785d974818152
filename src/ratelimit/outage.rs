use super::Algorithm;

/// What becomes of requests while the store cannot be asked.
///
/// After five failures in a row the store is left alone for a second, then one request tries it again: a store that is
/// gone costs its deadline a few times, not with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// They pass.
    Open,
    /// They are refused.
    Closed,
    /// Each process counts for itself, with the same limit.
    #[default]
    Memory,
    /// Each process counts for itself, with this limit: a part of the real one, where there are many processes.
    MemoryLimit(Algorithm),
    /// The caller gets the error. The layer answers with 503.
    Error,
}
