use http::HeaderMap;

/// A URL group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Another name of it.
    pub(crate) id: String,
    pub(crate) endpoints: Vec<Endpoint>,
    /// Options of messages to it that set none.
    pub(crate) defaults: HeaderMap,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
}

/// An endpoint of a URL group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) name: Option<String>,
    pub(crate) url: String,
}
