use crate::local::redis::{command::Command, emulate::Rewritten, resp::Value};

/// `XINFO CONSUMERS key group` of a group that there is not: it has no consumers, which is an error for Redis.
pub(in super::super) fn consumers_of_no_group(command: &Command) -> Option<Rewritten> {
    if command.word(1) != "CONSUMERS" {
        return None;
    }
    let rewritten = Rewritten { command: command.clone(), finish: None };
    Some(rewritten.finished(|reply| match reply {
        Value::Error(text) if text.starts_with(b"NOGROUP ") => Value::Array(Vec::new()),
        other => other,
    }))
}
