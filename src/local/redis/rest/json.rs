use bytes::Bytes;
use serde_json::value::RawValue;

use super::answer::Refusal;
use crate::local::redis::command::Command;

const ARGUMENTS: &str = "arguments must be strings, numbers, booleans or null";

/// Reads a command: a JSON array of its name and arguments.
pub(super) fn command(body: &Bytes) -> Result<Command, Refusal> {
    const FAILED: &str = "ERR failed to parse command";
    if body.is_empty() {
        return Err(Refusal::request("ERR empty command"));
    }
    let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(|_| Refusal::request(FAILED))?;
    if items.is_empty() {
        return Err(Refusal::request("ERR empty command"));
    }
    arguments(body, &items).ok_or_else(|| Refusal::request(format!("{FAILED}: {ARGUMENTS}")))
}

/// Reads commands: a JSON array of arrays, any of which may be empty, and at most `limit`.
pub(super) fn commands(body: &Bytes, limit: usize) -> Result<Vec<Command>, Refusal> {
    const FAILED: &str = "ERR failed to parse pipeline request";
    let items: Vec<Vec<&RawValue>> = serde_json::from_slice(body).map_err(|_| Refusal::request(FAILED))?;
    match items.len() {
        0 => Err(Refusal::request("ERR empty pipeline request")),
        length if length > limit => Err(Refusal::request(format!(
            "ERR max pipeline length exceeded. Limit: {limit} commands, Actual: {length} commands"
        ))),
        _ => items
            .iter()
            .map(|items| arguments(body, items))
            .collect::<Option<_>>()
            .ok_or_else(|| Refusal::request(format!("{FAILED}: {ARGUMENTS}"))),
    }
}

fn arguments(body: &Bytes, items: &[&RawValue]) -> Option<Command> {
    let arguments = items.iter().map(|item| argument(body, item.get()));
    arguments.collect::<Option<_>>().map(Command::new)
}

/// A part of the body, wherever its text is the argument's own: nothing is copied.
fn argument(body: &Bytes, json: &str) -> Option<Bytes> {
    match json.as_bytes() {
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => Some(body.slice_ref(text)),
        [b'"', ..] => serde_json::from_str::<String>(json).ok().map(Into::into),
        [] | [b'[' | b'{', ..] => None,
        // The text of a number, as it was sent: 64-bit integers and decimals stay what they were.
        text => Some(body.slice_ref(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_become_their_text() {
        let body = r#" ["SET", "a\"\u00e9\n", 1.50, 1e+21, -0, 9223372036854775807, true, false, null, ""] "#;
        let expected = ["SET", "a\"é\n", "1.50", "1e+21", "-0", "9223372036854775807", "true", "false", "null", ""];
        assert_eq!(command(&body.into()).unwrap(), Command::of(&expected));
    }

    #[test]
    fn an_empty_command_is_left_to_the_pipeline() {
        let found = commands(&Bytes::from_static(br#"[["PING"], []]"#), 9).unwrap();
        assert_eq!(found, [Command::of(&["PING"]), Command::new(vec![])]);
    }

    #[test]
    fn bounds_the_pipeline() {
        let body = |length| format!("[{}]", vec![r#"["PING"]"#; length].join(","));
        assert!(commands(&body(9).into(), 9).is_ok());
        assert!(commands(&body(10).into(), 9).is_err());
    }

    #[test]
    fn refuses_what_is_not_a_command() {
        for body in [
            "",
            "{}",
            "null",
            "\"PING\"",
            "[",
            "[\"PING\"",
            "[\"PING\"] x",
            "[]",
            "[[\"PING\"]]",
            "[\"GET\", {\"a\": 1}]",
            "[\"\\ud800\"]",
            "[NaN]",
        ] {
            assert!(command(&body.into()).is_err(), "{body}");
        }
        assert!(command(&Bytes::from_static(b"[\"\xff\"]")).is_err());
        assert!(command(&"[".repeat(1_000_000).into()).is_err());
        for body in ["", "{}", "[]", "[\"PING\"]", "[[[\"PING\"]]]", "[[{}]]", "[null]"] {
            assert!(commands(&body.into(), 9).is_err(), "{body}");
        }
    }
}
