use bytes::Bytes;

use super::{monitor, reply::text_of, target::StreamKind};
use crate::local::redis::resp::Value;

/// What Redis pushed, as an event of the stream.
///
/// Fields have commas between them, and are never in base64. A line end in a message begins another `data:` line, as
/// the [specification](https://html.spec.whatwg.org/multipage/server-sent-events.html) has it: its parsers put the
/// lines together again, while `@upstash/redis`, which looks at each line alone, sees the first.
///
/// Empty for the commands of a monitor in another database than `only`.
pub(super) fn write(kind: StreamKind, value: &Value, only: Option<u32>) -> Bytes {
    let text = match (kind, value) {
        (StreamKind::Monitor, Value::Status(text)) if text == "OK" => "\"OK\"".to_owned(),
        (StreamKind::Monitor, Value::Status(text)) => match monitor::line(&text_of(text), only) {
            Some(line) => line,
            None => return Bytes::new(),
        },
        (_, Value::Array(fields)) => fields.iter().map(field).collect::<Vec<_>>().join(","),
        (_, value) => field(value),
    };
    let mut event = String::with_capacity(text.len() + 16);
    // Each of the three ends a line, and none of them can be written otherwise.
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        event.push_str("data: ");
        event.push_str(line);
        event.push('\n');
    }
    event.push('\n');
    event.into()
}

fn field(value: &Value) -> String {
    match value {
        Value::Status(bytes) | Value::Bulk(bytes) | Value::Error(bytes) => text_of(bytes).into_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Null | Value::Array(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines() {
        let bulk = |text: &'static str| Value::Bulk(text.into());
        let message = |payload| Value::Array(vec![bulk("message"), bulk("c"), bulk(payload)]);
        let subscribed = Value::Array(vec![bulk("subscribe"), bulk("c"), Value::Integer(1)]);
        for (kind, value, wanted) in [
            (StreamKind::Subscribe, subscribed, "data: subscribe,c,1\n\n"),
            (StreamKind::Subscribe, message("a,b"), "data: message,c,a,b\n\n"),
            (StreamKind::Subscribe, message("a\r\nb\n"), "data: message,c,a\ndata: b\ndata: \n\n"),
            (StreamKind::Monitor, Value::Status("OK".into()), "data: \"OK\"\n\n"),
            (StreamKind::Monitor, Value::Status("1.5 [0 x] \"GET\"".into()), "data: 1.5 [0 0.0.0.0:0] \"GET\"\n\n"),
            (StreamKind::Monitor, Value::Status("1.5 [2 x] \"GET\"".into()), ""),
        ] {
            assert_eq!(write(kind, &value, Some(0)), wanted);
        }
    }
}
