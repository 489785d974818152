use crate::local::redis::{
    command::Command,
    emulate::{Rewritten, arguments::SYNTAX},
};

const SCAN: &str = include_str!("scan.lua");

/// `SCAN cursor … WITHTYPE …`: every key is followed by its type.
pub(in super::super) fn scan_with_type(command: &Command) -> Option<Rewritten> {
    let (mut with_type, mut of_type) = (None, false);
    let mut index = 2;
    while index < command.arguments.len() {
        index += match command.word(index).as_str() {
            "WITHTYPE" => {
                with_type = Some(index);
                1
            }
            "TYPE" => {
                of_type = true;
                2
            }
            "MATCH" | "COUNT" => 2,
            // Redis says what is wrong.
            _ => return None,
        };
    }
    let with_type = with_type?;
    if of_type {
        return Some(Rewritten::failing(SYNTAX));
    }
    let others = command.arguments.iter().enumerate().filter(|(index, _)| *index != with_type);
    Some(Rewritten::script(SCAN, [], others.map(|(_, word)| word.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').collect();
        let rewritten = scan_with_type(&Command::of(&words))?;
        let after_script = rewritten.command.arguments.iter().skip(2);
        Some(after_script.map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn takes_the_word_out() {
        assert_eq!(of("scan 0 withtype").unwrap(), "0 scan 0");
        assert_eq!(of("SCAN 0 MATCH WITHTYPE WITHTYPE COUNT 5").unwrap(), "0 SCAN 0 MATCH WITHTYPE COUNT 5");
        assert_eq!(of("SCAN 0 TYPE string WITHTYPE").unwrap(), "0 ERR syntax error");
    }

    #[test]
    fn mistakes_no_pattern_for_the_word() {
        for line in ["SCAN WITHTYPE", "SCAN 0 MATCH WITHTYPE", "SCAN 0 TYPE WITHTYPE", "SCAN 0 WITHTYPE x", "SCAN 0"] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
