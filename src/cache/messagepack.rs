use super::codec::Codec;
use crate::{Error, ErrorKind};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

/// Values as [MessagePack](https://msgpack.org), with the names of fields: shorter than JSON, and exact for bytes and floats
/// that JSON does not have. Feature `cache-messagepack`.
///
/// ```
/// use axum_upstash::{Upstash, cache::{Codec, MessagePackCodec}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let scores = upstash.cache::<str, Vec<f64>>("scores").with_codec(MessagePackCodec);
/// scores.set("tea", vec![0.5, f64::INFINITY]).await?;
///
/// let bytes = MessagePackCodec.encode(&f64::INFINITY)?;
/// assert_eq!(MessagePackCodec.decode(&bytes), Some(f64::INFINITY));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MessagePackCodec;

impl<V: Serialize + DeserializeOwned> Codec<V> for MessagePackCodec {
    fn encode(&self, value: &V) -> Result<Bytes, Error> {
        // The text of the error may have the value in it.
        let problem = |_| Error::new(ErrorKind::InvalidInput, "the value cannot be written as MessagePack");
        rmp_serde::to_vec_named(value).map(Into::into).map_err(problem)
    }

    /// Bytes that follow the value are another's: there is none then.
    fn decode(&self, bytes: &[u8]) -> Option<V> {
        let mut rest = bytes;
        let value = rmp_serde::from_read(&mut rest).ok()?;
        rest.is_empty().then_some(value)
    }
}
