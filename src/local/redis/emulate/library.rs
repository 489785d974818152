//! Functions with the flag `allow-key-locking`, which plain Redis refuses to load.

use super::{Command, Rewritten, Value};

const FLAGS: [&[u8]; 2] = [b"'allow-key-locking'", b"\"allow-key-locking\""];
/// The flag becomes a comment, so that lines keep their numbers and clients get back the code that they sent.
const START: &[u8] = b"--[[upstash-local:";
const END: &[u8] = b"]]";

/// `FUNCTION LOAD [REPLACE] code` and `FUNCTION LIST … WITHCODE …`.
pub(super) fn function(command: &Command) -> Option<Rewritten> {
    let mut command = command.clone();
    match command.word(1).as_str() {
        "LOAD" => {
            let code = command.arguments.last_mut()?;
            *code = without_flags(code)?.into();
            Some(Rewritten { command, finish: None })
        }
        "LIST" => Some(Rewritten { command, finish: None }.finished(with_flags_again)),
        _ => None,
    }
}

/// The code with the flag commented out of its tables, or `None` if there is none.
fn without_flags(code: &[u8]) -> Option<Vec<u8>> {
    let mut changed = Vec::new();
    let mut done = 0;
    for (start, _) in code.iter().enumerate().filter(|(_, byte)| matches!(byte, b'\'' | b'"')) {
        let Some(end) = end_of_item(code, start) else { continue };
        changed.extend_from_slice(code.get(done..start)?);
        changed.extend_from_slice(START);
        changed.extend_from_slice(code.get(start..end)?);
        changed.extend_from_slice(END);
        done = end;
    }
    changed.extend_from_slice(code.get(done..)?);
    (done > 0).then_some(changed)
}

/// The end of the flag that starts at `start`, with the separator behind it, if the flag is an item of a table.
fn end_of_item(code: &[u8], start: usize) -> Option<usize> {
    let (before, after) = code.split_at_checked(start)?;
    let flag = FLAGS.iter().find(|flag| after.starts_with(flag))?;
    let is_item = matches!(before.trim_ascii_end().last(), Some(b'{' | b',' | b';'));
    let rest = after.get(flag.len()..)?;
    let spaces = rest.len() - rest.trim_ascii_start().len();
    let end = start + flag.len();
    match rest.get(spaces)? {
        b',' | b';' if is_item => Some(end + spaces + 1),
        b'}' if is_item => Some(end),
        _ => None,
    }
}

/// The reply with the code of libraries as it was sent.
fn with_flags_again(reply: Value) -> Value {
    match reply {
        Value::Array(items) => Value::Array(items.into_iter().map(with_flags_again).collect()),
        Value::Bulk(code) => match uncommented(&code) {
            Some(original) => Value::Bulk(original.into()),
            None => Value::Bulk(code),
        },
        other => other,
    }
}

fn uncommented(mut code: &[u8]) -> Option<Vec<u8>> {
    let mut original = Vec::new();
    let mut found = false;
    while let Some(start) = position(code, START) {
        let comment = code.get(start + START.len()..)?;
        let length = position(comment, END)?;
        original.extend_from_slice(code.get(..start)?);
        original.extend_from_slice(comment.get(..length)?);
        code = comment.get(length + END.len()..)?;
        found = true;
    }
    original.extend_from_slice(code);
    found.then_some(original)
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_the_flag_out_of_tables() {
        for (code, expected) in [
            ("flags={'allow-key-locking'}", "flags={--[[upstash-local:'allow-key-locking']]}"),
            ("{ \"allow-key-locking\" , 'no-writes' }", "{ --[[upstash-local:\"allow-key-locking\" ,]] 'no-writes' }"),
            ("{'no-writes','allow-key-locking'}", "{'no-writes',--[[upstash-local:'allow-key-locking']]}"),
            (
                "{'allow-key-locking'\n;1}{'allow-key-locking'}",
                "{--[[upstash-local:'allow-key-locking'\n;]]1}{--[[upstash-local:'allow-key-locking']]}",
            ),
        ] {
            let changed = without_flags(code.as_bytes()).unwrap();
            assert_eq!(String::from_utf8_lossy(&changed), expected);
            let listed = Value::Array(vec![Value::Bulk(changed.into()), Value::Null]);
            assert_eq!(with_flags_again(listed), Value::Array(vec![Value::Bulk(code.into()), Value::Null]));
        }
    }

    #[test]
    fn leaves_the_word_alone_elsewhere() {
        for code in
            ["", "return 1", "'allow-key-locking'", "{'allow-key-locking", "x == 'allow-key-locking', 1", "{'allow'}"]
        {
            assert_eq!(without_flags(code.as_bytes()), None, "{code}");
        }
    }
}
