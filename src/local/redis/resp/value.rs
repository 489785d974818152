use bytes::Bytes;

/// A reply of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Status(Bytes),
    Error(Bytes),
    Integer(i64),
    Bulk(Bytes),
    /// The null bulk string and the null array, which clients do not tell apart.
    Null,
    Array(Vec<Value>),
}

impl Value {
    pub(crate) fn error(text: impl Into<Bytes>) -> Self {
        Self::Error(text.into())
    }
}
