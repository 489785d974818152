//! Names and values of headers, checked.

use crate::{Error, qstash::error::invalid};
use http::{HeaderName, HeaderValue, Method};

/// A header of a message under the name that it travels with: `Upstash-Forward-*`, unless it is an option or
/// `Content-Type`.
pub(in crate::qstash) fn header(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), Error> {
    let name = name.to_ascii_lowercase();
    if name == "upstash-cron" {
        return Err(invalid("a message with a cron expression is a schedule: use QStashClient::schedules"));
    }
    let sent = if is_option(&name) { name.clone() } else { format!("upstash-forward-{name}") };
    let sent = HeaderName::try_from(sent).ok().filter(|_| !name.is_empty());
    match (sent, HeaderValue::from_bytes(value)) {
        (Some(sent), Ok(value)) => Ok((sent, of_application(value))),
        (None, _) => Err(invalid("a header has a name that cannot be sent")),
        (_, Err(_)) => Err(invalid(format!("the header {name} has a value that cannot be sent"))),
    }
}

/// A value that the destination receives, a password perhaps: transports keep it out of what they print.
pub(super) fn of_application(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

/// Whether a header of this name, in lower case, goes as it is.
pub(super) fn is_option(name: &str) -> bool {
    name == "content-type" || name.starts_with("upstash-")
}

pub(super) fn method_name(method: &Method) -> Result<&str, Error> {
    match method.as_str() {
        name @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE") => Ok(name),
        _ => Err(invalid("QStash calls with GET, POST, PUT, PATCH or DELETE")),
    }
}
