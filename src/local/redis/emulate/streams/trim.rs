use bytes::Bytes;

use crate::local::redis::{command::Command, emulate::Rewritten};

/// `XADD … MAXLEN | MINID ~ threshold …` and `XTRIM …`: Upstash trims exactly, Redis only whole nodes of a hundred
/// entries. A command with LIMIT stays as it is: an exact one must not have a LIMIT, and LIMIT permits to trim less.
pub(in super::super) fn trim_exactly(command: &Command) -> Option<Rewritten> {
    let mut index = 2;
    loop {
        match command.word(index).as_str() {
            "NOMKSTREAM" | "KEEPREF" | "DELREF" | "ACKED" => index += 1,
            "MAXLEN" | "MINID" => break,
            _ => return None,
        }
    }
    if command.word(index + 1) != "~" || command.word(index + 3) == "LIMIT" {
        return None;
    }
    let mut command = command.clone();
    *command.arguments.get_mut(index + 1)? = Bytes::from_static(b"=");
    Some(Rewritten { command, finish: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Command> {
        let words: Vec<_> = line.split(' ').collect();
        trim_exactly(&Command::of(&words)).map(|rewritten| rewritten.command)
    }

    #[test]
    fn becomes_exact() {
        for (line, expected) in [
            ("XTRIM s MAXLEN ~ 30", "XTRIM s MAXLEN = 30"),
            ("XADD ~ NOMKSTREAM minid ~ 5 * ~ v", "XADD ~ NOMKSTREAM minid = 5 * ~ v"),
        ] {
            let words: Vec<_> = expected.split(' ').collect();
            assert_eq!(of(line), Some(Command::of(&words)));
        }
    }

    #[test]
    fn leaves_the_rest_alone() {
        for line in [
            "XTRIM s MAXLEN 30",
            "XTRIM s MAXLEN = 30",
            "XTRIM s MAXLEN ~ 30 LIMIT 2",
            "XTRIM MAXLEN ~ 30",
            "XADD ~ * MAXLEN ~ x y",
            "XADD s * a b",
            "XADD s NOMKSTREAM",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
