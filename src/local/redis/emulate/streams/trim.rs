use bytes::Bytes;

use super::id::whole_id;
use crate::local::redis::{
    command::Command,
    emulate::{Rewritten, arguments::integer},
};

const TRIM: &str = include_str!("trim.lua");
/// Lua takes no more arguments at once.
const MAX_ARGUMENTS: usize = 4000;

/// `XADD … MAXLEN | MINID ~ threshold …` and `XTRIM …`: Upstash leaves an excess of fewer than a hundred entries alone
/// and trims exactly beyond that. Redis trims whole nodes only, and how much is in a node depends on the entries.
///
/// A command with a LIMIT stays as it is, because LIMIT permits to trim less.
pub(in super::super) fn trim_roughly(command: &Command) -> Option<Rewritten> {
    let strategy = strategy(command)?;
    if command.word(strategy + 1) != "~" || command.arguments.len() > MAX_ARGUMENTS {
        return None;
    }
    let name = command.word(strategy);
    let given = command.arguments.get(strategy + 2)?;
    // Redis says what is wrong with another threshold.
    let (threshold, without_effect) = if name == "MAXLEN" {
        (integer(given).filter(|length| *length >= 0)?.to_string().into(), i64::MAX.to_string().into())
    } else {
        (whole_id(given)?, Bytes::from_static(b"0"))
    };
    let mut rest = strategy + 3;
    if command.word(rest) == "LIMIT" {
        // None of the entries is beyond such a limit.
        if command.word(rest + 1) != "0" {
            return None;
        }
        rest += 2;
    }

    let options = command.arguments.get(2..strategy)?;
    let rest = command.arguments.get(rest..)?;
    let key = command.arguments.get(1)?;
    let with = |name: &Bytes, threshold: &Bytes, rest: &[Bytes]| {
        let mut words = vec![name.clone(), key.clone()];
        words.extend_from_slice(options);
        words.extend([command.arguments[strategy].clone(), Bytes::from_static(b"="), threshold.clone()]);
        words.extend_from_slice(rest);
        words
    };
    let first = with(command.arguments.first()?, &without_effect, rest);
    let trimming =
        with(&Bytes::from_static(b"XTRIM"), &threshold, if command.is("XTRIM") { rest } else { Default::default() });
    // Only XADD has the option, and by then there is a stream.
    let trimming = trimming
        .into_iter()
        .enumerate()
        .filter(|(index, word)| !((2..strategy).contains(index) && word.eq_ignore_ascii_case(b"NOMKSTREAM")));
    let length = first.len().to_string().into();
    let arguments = [name.into(), threshold, length].into_iter().chain(first).chain(trimming.map(|(_, word)| word));
    Some(Rewritten::script(TRIM, [key.clone()], arguments))
}

/// The index of the word that says how the stream is trimmed.
fn strategy(command: &Command) -> Option<usize> {
    let mut index = 2;
    loop {
        match command.word(index).as_str() {
            "NOMKSTREAM" | "KEEPREF" | "DELREF" | "ACKED" => index += 1,
            "MAXLEN" | "MINID" => return Some(index),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').collect();
        let rewritten = trim_roughly(&Command::of(&words))?;
        let after_script = rewritten.command.arguments.iter().skip(2);
        Some(after_script.map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn is_taken_apart() {
        for (line, expected) in [
            ("XTRIM s MAXLEN ~ 30", "1 s MAXLEN 30 5 XTRIM s MAXLEN = 9223372036854775807 XTRIM s MAXLEN = 30"),
            ("XTRIM s MINID ~ 5 LIMIT 0", "1 s MINID 5-0 5 XTRIM s MINID = 0 XTRIM s MINID = 5-0"),
            ("XTRIM s minid ~ 5-1 ACKED", "1 s MINID 5-1 6 XTRIM s minid = 0 ACKED XTRIM s minid = 5-1 ACKED"),
            (
                "XADD ~ nomkstream DELREF minid ~ 5 * ~ v",
                "1 ~ MINID 5-0 10 XADD ~ nomkstream DELREF minid = 0 * ~ v XTRIM ~ DELREF minid = 5-0",
            ),
        ] {
            assert_eq!(of(line).unwrap(), expected);
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        for line in [
            "XTRIM s MAXLEN 30",
            "XTRIM s MAXLEN = 30",
            "XTRIM s MAXLEN ~ 30 LIMIT 2",
            "XTRIM s MAXLEN ~ -1",
            "XTRIM s MAXLEN ~ x",
            "XTRIM s MINID ~ -",
            "XTRIM s MINID ~",
            "XTRIM MAXLEN ~ 30",
            "XADD ~ * MAXLEN ~ x y",
            "XADD s * a b",
            "XADD s NOMKSTREAM",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
