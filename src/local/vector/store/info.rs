use serde::Serialize;

/// The records of a namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// Those that queries find.
    pub(crate) vector_count: usize,
    /// Those that queries do not find yet.
    pub(crate) pending_vector_count: usize,
}
