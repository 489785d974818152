use crate::{
    Error, ErrorKind,
    redis::{Cmd, Reply, error::from_text},
};
use redis_rs::{RedisError, Value};

/// The command for the library, word by word.
pub(super) fn command(cmd: &Cmd) -> redis_rs::Cmd {
    let mut words = redis_rs::Cmd::new();
    for word in cmd.iter() {
        words.arg(word);
    }
    words
}

/// A reply, or the error that the server gave in its place.
pub(super) fn reply(value: Value) -> Result<Reply, Error> {
    match inner(value) {
        Reply::Error(text) => Err(from_text(&text, None)),
        reply => Ok(reply),
    }
}

/// In the shape of RESP2, whatever the server speaks.
fn inner(value: Value) -> Reply {
    let array = |items: Vec<Value>| Reply::Array(items.into_iter().map(inner).collect());
    match value {
        Value::Int(number) => Reply::Int(number),
        Value::BulkString(bytes) => Reply::Bulk(bytes.into()),
        Value::Okay => Reply::Ok,
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Reply::Bulk(text.into()),
        Value::Array(items) | Value::Set(items) | Value::Push { data: items, .. } => array(items),
        Value::Map(pairs) => array(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()),
        Value::Attribute { data, .. } => inner(*data),
        Value::Double(number) => Reply::Bulk(number.to_string().into()),
        Value::Boolean(truth) => Reply::Int(truth.into()),
        Value::BigNumber(digits) => Reply::Bulk(digits.into()),
        Value::ServerError(error) => Reply::Error(text(Some(error.code()), error.details())),
        // Nil, and what a later version of the library may know.
        _ => Reply::Nil,
    }
}

/// What went wrong with an exchange.
pub(super) fn failure(error: RedisError) -> Error {
    if let Some(errors) = error.clone().into_server_errors() {
        // A transaction that was discarded: the first command that was refused is the cause.
        let cause = errors.iter().map(|(_, error)| text(Some(error.code()), error.details())).next();
        let cause = from_text(&cause.unwrap_or_default(), None);
        let message = format!("EXECABORT Transaction discarded because of previous errors: {}", cause.message());
        return Error::new(ErrorKind::Aborted, message);
    }
    if let Some(code) = error.code() {
        return from_text(&text(Some(code), error.detail()), None);
    }
    if error.is_timeout() {
        return Error::new(ErrorKind::Timeout, "the connection gave no answer in time").with_source(error);
    }
    if error.kind() == redis_rs::ErrorKind::AuthenticationFailed {
        return Error::new(ErrorKind::Unauthorized, "the server does not accept the credentials").with_source(error);
    }
    if error.kind() == redis_rs::ErrorKind::Parse {
        return Error::new(ErrorKind::Decode, "the server's answer is not of the Redis protocol").with_source(error);
    }
    Error::new(ErrorKind::Interrupted, "the connection broke before the answer was read").with_source(error)
}

/// What went wrong before there was a connection: nothing was sent.
pub(super) fn connecting(error: RedisError) -> Error {
    match failure(error) {
        error if error.kind() == ErrorKind::Interrupted => {
            Error::new(ErrorKind::Connect, "no connection could be made").with_source(error)
        }
        error => error,
    }
}

fn text(code: Option<&str>, details: Option<&str>) -> String {
    [code, details].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
