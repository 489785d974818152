use crate::local::redis::{command::Command, resp::Value};

/// `HSCAN key cursor … NOVALUES …` without that word, which came with Redis 7.4 and may be repeated. `None` if it is not
/// there.
pub(super) fn without_word(command: &Command) -> Option<Command> {
    let mut plain = command.clone();
    let mut index = 3;
    while index < plain.arguments.len() {
        match plain.word(index).as_str() {
            "NOVALUES" => drop(plain.arguments.remove(index)),
            "MATCH" | "COUNT" => index += 2,
            // Redis says what is wrong.
            _ => return None,
        }
    }
    (plain.arguments.len() < command.arguments.len()).then_some(plain)
}

/// The reply of HSCAN with every value left out.
pub(super) fn fields_alone(reply: Value) -> Value {
    let Value::Array(mut parts) = reply else { return reply };
    if let Some(Value::Array(items)) = parts.get_mut(1) {
        *items = std::mem::take(items).into_iter().step_by(2).collect();
    }
    Value::Array(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_among_options() {
        let of = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            without_word(&Command::of(&words))
        };
        let plain = |line: &str| Some(Command::of(&line.split(' ').collect::<Vec<_>>()));
        assert_eq!(of("hscan h 0 novalues"), plain("hscan h 0"));
        assert_eq!(of("HSCAN h 0 COUNT 5 NOVALUES MATCH a"), plain("HSCAN h 0 COUNT 5 MATCH a"));
        assert_eq!(of("HSCAN h 0 NOVALUES novalues MATCH NOVALUES NOVALUES"), plain("HSCAN h 0 MATCH NOVALUES"));
        for line in ["HSCAN h 0", "HSCAN h NOVALUES", "HSCAN h 0 MATCH NOVALUES", "HSCAN h 0 BAD NOVALUES"] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
