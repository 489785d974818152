use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;

/// A reply as Redis gave it (RESP2), before it becomes the caller's type.
///
/// ```
/// use axum_upstash::redis::Reply;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let reply: Reply = redis.cmd("LRANGE").key("missing").arg(0).arg(-1).await?;
/// assert_eq!(reply, Reply::Array(Vec::new()));
/// let reply: Reply = redis.cmd("INCR").key("n").await?;
/// assert_eq!(reply, Reply::Int(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// No value.
    Nil,
    /// An integer, exact.
    Int(i64),
    /// The status `OK`.
    Ok,
    /// A string of bytes.
    Bulk(Bytes),
    /// A list of replies.
    Array(Vec<Reply>),
    /// An error inside a list, such as a script's table of an error. The error of a whole command is an
    /// [`Error`](crate::Error); over REST in JSON such an inner error comes as its text.
    Error(String),
}

impl Reply {
    /// The name of the kind of reply, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Int(_) => "an integer",
            Self::Ok => "the status OK",
            Self::Bulk(_) => "a string",
            Self::Array(_) => "an array",
            Self::Error(_) => "an error",
        }
    }
}

/// Reads the REST form in base64 mode: every string is base64, but for the literal `OK`, which padded base64 never is.
impl<'de> Deserialize<'de> for Reply {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReplyVisitor)
    }
}

struct ReplyVisitor;

impl<'de> Visitor<'de> for ReplyVisitor {
    type Value = Reply;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, an integer, a base64 string or an array of these")
    }

    fn visit_unit<E>(self) -> Result<Reply, E> {
        Ok(Reply::Nil)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Reply, E> {
        Ok(Reply::Int(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Reply, E> {
        i64::try_from(value).map(Reply::Int).map_err(|_| E::custom("an integer beyond 64 signed bits"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Reply, E> {
        if value == "OK" {
            return Ok(Reply::Ok);
        }
        // The value is not repeated: it is the application's data.
        STANDARD.decode(value).map(|bytes| Reply::Bulk(bytes.into())).map_err(|_| {
            E::custom("a string that is not base64: the server or a proxy ignores the Upstash-Encoding header")
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Reply, A::Error> {
        let mut array = Vec::with_capacity(items.size_hint().unwrap_or(0).min(1024));
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Reply::Array(array))
    }
}

/// One item of an answer: `{"result": …}` or `{"error": "…"}`.
#[derive(Debug)]
pub(super) enum Item {
    Result(Reply),
    Error(String),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Fields {
            #[serde(default, deserialize_with = "present")]
            result: Option<Reply>,
            #[serde(default)]
            error: Option<String>,
        }
        fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Reply>, D::Error> {
            Reply::deserialize(deserializer).map(Some)
        }
        match Fields::deserialize(deserializer)? {
            Fields { error: Some(error), .. } => Ok(Self::Error(error)),
            Fields { result: Some(result), .. } => Ok(Self::Result(result)),
            _ => Err(de::Error::custom("neither a result nor an error")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(json: &str) -> Result<Reply, serde_json::Error> {
        match serde_json::from_str(json)? {
            Item::Result(reply) => Ok(reply),
            Item::Error(error) => Err(de::Error::custom(error)),
        }
    }

    #[test]
    fn keeps_every_shape() {
        for (json, reply) in [
            (r#"{"result":null}"#, Reply::Nil),
            (r#"{"result":"OK"}"#, Reply::Ok),
            (r#"{"result":9223372036854775807}"#, Reply::Int(i64::MAX)),
            (r#"{"result":-9223372036854775808}"#, Reply::Int(i64::MIN)),
            (r#"{"result":""}"#, Reply::Bulk(Bytes::new())),
            (r#"{"result":"/wD+"}"#, Reply::Bulk(Bytes::from_static(&[0xff, 0, 0xfe]))),
            (
                r#"{"result":[null,["OK"],"T0s="]}"#,
                Reply::Array(vec![Reply::Nil, Reply::Array(vec![Reply::Ok]), Reply::Bulk(Bytes::from_static(b"OK"))]),
            ),
        ] {
            assert_eq!(parse(json).unwrap(), reply, "{json}");
        }
    }

    #[test]
    fn refuses_what_is_no_reply() {
        for json in [
            r#"{}"#,
            r#"{"result":1.5}"#,
            r#"{"result":{}}"#,
            r#"{"result":"not base64!"}"#,
            r#"[]"#,
            "",
            r#"{"result":9223372036854775808}"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    fn replies() -> impl Strategy<Value = Reply> {
        let leaf = prop_oneof![
            Just(Reply::Nil),
            Just(Reply::Ok),
            any::<i64>().prop_map(Reply::Int),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Reply::Bulk(bytes.into())),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| prop::collection::vec(inner, 0..6).prop_map(Reply::Array))
    }

    fn to_json(reply: &Reply) -> serde_json::Value {
        match reply {
            Reply::Nil => serde_json::Value::Null,
            Reply::Ok => "OK".into(),
            Reply::Int(value) => (*value).into(),
            Reply::Bulk(bytes) => STANDARD.encode(bytes).into(),
            Reply::Error(_) => unreachable!("JSON has none"),
            Reply::Array(items) => items.iter().map(to_json).collect(),
        }
    }

    proptest! {
        #[test]
        fn every_reply_survives_the_wire(reply in replies()) {
            let json = serde_json::json!({ "result": to_json(&reply) }).to_string();
            prop_assert_eq!(parse(&json).unwrap(), reply);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = serde_json::from_slice::<Item>(&bytes);
        }
    }
}
