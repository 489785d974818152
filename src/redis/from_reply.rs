use super::{Cmd, Reply, ToArg};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    hash::Hash,
};

/// A type that a reply can become.
///
/// Implement it for your own types if a reply has a shape of its own.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.set("n", 7).await?;
/// assert_eq!(redis.get::<i64>("n").await?, 7);
/// assert_eq!(redis.get::<String>("n").await?, "7");
/// assert_eq!(redis.get::<Option<i64>>("missing").await?, None);
/// assert!(redis.get::<bool>("n").await.is_err()); // nothing is guessed
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from a Redis reply",
    note = "use `Json<{Self}>` for a value stored as JSON, or implement `FromReply`"
)]
pub trait FromReply: Sized + Send + 'static {
    /// Converts `reply`.
    ///
    /// # Errors
    /// If the reply has another shape.
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError>;

    /// Converts `reply` to a list of these. It is there for `Vec<u8>`, which is a string of bytes.
    #[doc(hidden)]
    fn list_from_reply(reply: Reply) -> Result<Vec<Self>, ReplyTypeError> {
        array(reply)?.into_iter().map(Self::from_reply).collect()
    }
}

/// The reply is not of the type the caller named. It says what was expected and what came, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyTypeError {
    expected: &'static str,
    got: &'static str,
}

impl ReplyTypeError {
    /// `expected` was asked for, and `reply` came.
    #[must_use]
    pub fn new(expected: &'static str, reply: &Reply) -> Self {
        Self { expected, got: reply.kind() }
    }

    fn content(expected: &'static str) -> Self {
        Self { expected, got: "a string with other content" }
    }
}

impl fmt::Display for ReplyTypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}", self.expected, self.got)
    }
}

impl std::error::Error for ReplyTypeError {}

impl FromReply for Reply {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        Ok(reply)
    }
}

/// The reply does not matter.
impl FromReply for () {
    fn from_reply(_: Reply) -> Result<Self, ReplyTypeError> {
        Ok(())
    }
}

impl FromReply for Bytes {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        match reply {
            Reply::Bulk(bytes) => Ok(bytes),
            Reply::Ok => Ok(Bytes::from_static(b"OK")),
            Reply::Int(value) => Ok(value.to_string().into()),
            other => Err(ReplyTypeError::new("a string", &other)),
        }
    }
}

impl FromReply for String {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let bytes = Bytes::from_reply(reply)?;
        Self::from_utf8(bytes.into()).map_err(|_| ReplyTypeError::content("UTF-8 text"))
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl FromReply for $type {
            fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
                const EXPECTED: &str = concat!("an integer in the range of ", stringify!($type));
                match &reply {
                    Reply::Int(value) => Self::try_from(*value).map_err(|_| ReplyTypeError::content(EXPECTED)),
                    Reply::Bulk(bytes) => std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok())
                        .ok_or(ReplyTypeError::content(EXPECTED)),
                    other => Err(ReplyTypeError::new(EXPECTED, other)),
                }
            }
        }
    )*};
}
integers!(i64, u64, i32, u32, i16, u16, i8, usize, isize);

impl FromReply for f64 {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        match &reply {
            #[allow(clippy::cast_precision_loss, reason = "the caller asked for a float")]
            Reply::Int(value) => Ok(*value as Self),
            Reply::Bulk(bytes) => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or(ReplyTypeError::content("a number")),
            other => Err(ReplyTypeError::new("a number", other)),
        }
    }
}

impl FromReply for f32 {
    #[allow(clippy::cast_possible_truncation, reason = "the caller asked for a float of 32 bits")]
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        f64::from_reply(reply).map(|number| number as Self)
    }
}

/// `OK` and 1 are true, also as a stored text. 0 and nil, as of a condition that was not met, are false.
impl FromReply for bool {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        match reply {
            Reply::Int(0) | Reply::Nil => Ok(false),
            Reply::Int(1) | Reply::Ok => Ok(true),
            Reply::Bulk(ref text) if **text == *b"0" => Ok(false),
            Reply::Bulk(ref text) if **text == *b"1" => Ok(true),
            other => Err(ReplyTypeError::new("0 or 1", &other)),
        }
    }
}

impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        match reply {
            Reply::Nil => Ok(None),
            reply => T::from_reply(reply).map(Some),
        }
    }
}

fn array(reply: Reply) -> Result<Vec<Reply>, ReplyTypeError> {
    match reply {
        Reply::Array(items) => Ok(items),
        other => Err(ReplyTypeError::new("an array", &other)),
    }
}

fn pairs<K: FromReply, V: FromReply>(
    reply: Reply,
) -> Result<impl Iterator<Item = Result<(K, V), ReplyTypeError>>, ReplyTypeError> {
    let items = array(reply)?;
    if items.len() % 2 != 0 {
        return Err(ReplyTypeError { expected: "an even number of items", got: "an odd number" });
    }
    let mut items = items.into_iter();
    Ok(std::iter::from_fn(move || {
        let (key, value) = (items.next()?, items.next()?);
        Some(K::from_reply(key).and_then(|key| Ok((key, V::from_reply(value)?))))
    }))
}

/// A list; `Vec<u8>` is a string of bytes.
impl<T: FromReply> FromReply for Vec<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        T::list_from_reply(reply)
    }
}

impl FromReply for u8 {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let number = u16::from_reply(reply)?;
        Self::try_from(number).map_err(|_| ReplyTypeError::content("an integer in the range of u8"))
    }

    fn list_from_reply(reply: Reply) -> Result<Vec<Self>, ReplyTypeError> {
        Bytes::from_reply(reply).map(Into::into)
    }
}

impl<T: FromReply + Eq + Hash> FromReply for HashSet<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        array(reply)?.into_iter().map(T::from_reply).collect()
    }
}

impl<T: FromReply + Ord> FromReply for BTreeSet<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        array(reply)?.into_iter().map(T::from_reply).collect()
    }
}

impl<K: FromReply + Eq + Hash, V: FromReply> FromReply for HashMap<K, V> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        pairs(reply)?.collect()
    }
}

impl<K: FromReply + Ord, V: FromReply> FromReply for BTreeMap<K, V> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        pairs(reply)?.collect()
    }
}

/// A flat list of pairs, in Redis's order, duplicates kept: `ZRANGE … WITHSCORES`, a stream entry's fields.
///
/// ```
/// use axum_upstash::redis::Pairs;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.hset("user:1", [("name", "Zoë"), ("city", "Gdańsk")]).await?;
/// let Pairs(fields) = redis.hgetall::<Pairs<String, String>>("user:1").await?;
/// assert_eq!(fields[0], ("name".into(), "Zoë".into())); // in the server's order
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pairs<K, V>(pub Vec<(K, V)>);

impl<K: FromReply, V: FromReply> FromReply for Pairs<K, V> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        pairs(reply)?.collect::<Result<_, _>>().map(Self)
    }
}

macro_rules! tuples {
    ($($name:ident),+) => {
        impl<$($name: FromReply),+> FromReply for ($($name,)+) {
            fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
                const LEN: usize = [$(stringify!($name)),+].len();
                let items = array(reply)?;
                if items.len() != LEN {
                    return Err(ReplyTypeError {
                        expected: "an array as long as the tuple",
                        got: "an array of another length",
                    });
                }
                let mut items = items.into_iter();
                Ok(($($name::from_reply(items.next().unwrap_or(Reply::Nil))?,)+))
            }
        }
    };
}
tuples!(A);
tuples!(A, B);
tuples!(A, B, C);
tuples!(A, B, C, D);
tuples!(A, B, C, D, E);
tuples!(A, B, C, D, E, F);

/// A value stored as JSON text, through serde: as an argument and as a reply.
///
/// ```
/// use axum_upstash::redis::Json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.set("point", Json([1.5, 2.5])).await?;
/// let Json(point) = redis.get::<Json<[f64; 2]>>("point").await?;
/// assert_eq!(point, [1.5, 2.5]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> FromReply for Json<T> {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let bytes = Bytes::from_reply(reply)?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| ReplyTypeError::content("JSON of the named type"))
    }
}

impl<T: Serialize> ToArg for Json<T> {
    fn write(&self, cmd: &mut Cmd) {
        match serde_json::to_vec(&self.0) {
            Ok(text) => cmd.push(&text),
            Err(_) => cmd.refuse("a value cannot be written as JSON"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn large_numbers_in_text_stay_what_they_are() {
        assert_eq!(String::from_reply(bulk("101600000000150081467")).unwrap(), "101600000000150081467");
        assert_eq!(i64::from_reply(bulk("9007199254740993")).unwrap(), 9_007_199_254_740_993);
        assert_eq!(String::from_reply(bulk("null")).unwrap(), "null");
    }

    #[test]
    fn nil_is_none_and_only_that() {
        assert_eq!(Option::<String>::from_reply(Reply::Nil).unwrap(), None);
        assert_eq!(Option::<String>::from_reply(bulk("")).unwrap().as_deref(), Some(""));
        assert!(String::from_reply(Reply::Nil).is_err());
    }

    #[test]
    fn maps_tuples_and_pairs() {
        let flat = || Reply::Array(vec![bulk("a"), bulk("1"), bulk("a"), bulk("2")]);
        assert_eq!(BTreeMap::<String, i64>::from_reply(flat()).unwrap(), BTreeMap::from([("a".to_owned(), 2)]));
        let Pairs(both) = Pairs::<String, f64>::from_reply(flat()).unwrap();
        assert_eq!(both, [("a".to_owned(), 1.0), ("a".to_owned(), 2.0)]);
        assert!(BTreeMap::<String, i64>::from_reply(Reply::Array(vec![bulk("a")])).is_err());
        assert_eq!(<(String, Option<i64>)>::from_reply(Reply::Array(vec![bulk("a"), Reply::Nil])).unwrap().1, None);
        assert!(<(String,)>::from_reply(flat()).is_err());
    }

    #[test]
    fn an_error_names_types_and_no_value() {
        let error = i64::from_reply(bulk("secret")).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
