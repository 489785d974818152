use serde::Serialize;
use std::fmt;

/// The id of a record: any text. Numbers are sent as their digits.
///
/// ```
/// use axum_upstash::vector::VectorId;
///
/// assert_eq!(VectorId::from("article-1"), VectorId::from(String::from("article-1")));
/// assert_eq!(VectorId::from(17_u64), VectorId::from("17"));
/// // Any other type with a text form, such as a UUID.
/// assert_eq!(VectorId::of(std::net::Ipv4Addr::LOCALHOST), VectorId::from("127.0.0.1"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct VectorId(String);

impl VectorId {
    /// The id that a value is written as.
    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "as From, which takes values")]
    pub fn of(id: impl fmt::Display) -> Self {
        Self(id.to_string())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for VectorId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl From<&VectorId> for VectorId {
    fn from(id: &VectorId) -> Self {
        id.clone()
    }
}

impl From<VectorId> for String {
    fn from(id: VectorId) -> Self {
        id.0
    }
}

macro_rules! ids {
    ($($of:ty),*) => {$(
        impl From<$of> for VectorId {
            fn from(id: $of) -> Self {
                Self(id.to_string())
            }
        }
    )*};
}

ids!(&str, &String, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl fmt::Display for VectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for VectorId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
