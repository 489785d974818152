use crate::local::redis::{command::Command, emulate::Rewritten};

const READ: &str = include_str!("read.lua");

/// `XREADGROUP … NOACK …`: Redis adds the consumer to the group, Upstash does not, as it has nothing to keep for it.
pub(in super::super) fn read_without_ack(command: &Command) -> Option<Rewritten> {
    let (mut group, mut no_ack) = (None, false);
    let mut index = 1;
    let streams = loop {
        index += match command.word(index).as_str() {
            "STREAMS" => break command.arguments.get(index + 1..)?,
            "GROUP" => {
                group = command.arguments.get(index + 1..index + 3);
                3
            }
            "COUNT" | "BLOCK" | "CLAIM" => 2,
            "NOACK" => {
                no_ack = true;
                1
            }
            // Redis says what is wrong.
            _ => return None,
        };
    };
    if !no_ack || streams.is_empty() || !streams.len().is_multiple_of(2) {
        return None;
    }
    let keys = streams.iter().take(streams.len() / 2).cloned();
    Some(Rewritten::script(READ, keys, group?.iter().chain(&command.arguments).cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').collect();
        let rewritten = read_without_ack(&Command::of(&words))?;
        let after_script = rewritten.command.arguments.iter().skip(2);
        Some(after_script.map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn finds_the_option_and_the_keys() {
        for (line, expected) in [
            ("XREADGROUP GROUP g c noack STREAMS s >", "1 s g c "),
            ("xreadgroup NOACK COUNT 1 GROUP g c STREAMS a NOACK > 0", "2 a NOACK g c "),
            ("XREADGROUP GROUP NOACK STREAMS NOACK STREAMS STREAMS >", "1 STREAMS NOACK STREAMS "),
        ] {
            assert_eq!(of(line).unwrap(), format!("{expected}{line}"));
        }
    }

    #[test]
    fn mistakes_no_name_for_the_option() {
        for line in [
            "XREADGROUP GROUP NOACK NOACK STREAMS NOACK >",
            "XREADGROUP GROUP g c STREAMS NOACK >",
            "XREADGROUP GROUP g c NOACK STREAMS s",
            "XREADGROUP GROUP g c NOACK",
            "XREADGROUP GROUP g NOACK STREAMS s >",
            "XREADGROUP NOACK STREAMS s >",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
