use crate::{Error, ErrorKind};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

/// The form of values in Redis. [`JsonCodec`] is the default.
///
/// ```
/// use axum_upstash::{Error, cache::Codec};
/// use bytes::Bytes;
///
/// #[derive(Debug)]
/// struct Text;
///
/// impl Codec<String> for Text {
///     fn encode(&self, value: &String) -> Result<Bytes, Error> {
///         Ok(value.clone().into())
///     }
///
///     fn decode(&self, bytes: &[u8]) -> Option<String> {
///         String::from_utf8(bytes.to_vec()).ok()
///     }
/// }
/// ```
pub trait Codec<V>: fmt::Debug + Send + Sync {
    /// The bytes of a value.
    ///
    /// # Errors
    /// If the value has no such form. Nothing is written then.
    fn encode(&self, value: &V) -> Result<Bytes, Error>;

    /// The value of bytes; `None` if they are of another form, which is a miss.
    fn decode(&self, bytes: &[u8]) -> Option<V>;
}

/// Values as JSON.
///
/// ```
/// use axum_upstash::cache::{Codec, JsonCodec};
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// assert_eq!(JsonCodec.encode(&[1, 2])?, "[1,2]");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonCodec;

impl<V: Serialize + DeserializeOwned> Codec<V> for JsonCodec {
    fn encode(&self, value: &V) -> Result<Bytes, Error> {
        let encoded = serde_json::to_vec(value);
        let problem = |error: serde_json::Error| {
            // The text of the error may have the value in it.
            let kind = error.classify();
            Error::new(ErrorKind::InvalidInput, format!("the value cannot be written as JSON: {kind:?} error"))
        };
        Ok(encoded.map_err(problem)?.into())
    }

    fn decode(&self, bytes: &[u8]) -> Option<V> {
        serde_json::from_slice(bytes).ok()
    }
}
