use bytes::Bytes;

use crate::local::redis::{
    command::Command,
    emulate::{Rewritten, arguments::integer},
    resp::Value,
};

const STORE: &str = include_str!("range_store.lua");

/// `ZRANGE key start stop [REV] LIMIT offset count [WITHSCORES]`: Redis wants BYSCORE or BYLEX with LIMIT, Upstash
/// takes it for ranks as well.
pub(in super::super) fn ranked_range_with_limit(command: &Command) -> Option<Rewritten> {
    let (mut limit, mut width) = (None, 1);
    let mut index = 4;
    while index < command.arguments.len() {
        index += match command.word(index).as_str() {
            "LIMIT" => {
                let numbers = command.arguments.get(index + 1..index + 3)?;
                limit = Some((index, integer(numbers.first()?)?, integer(numbers.last()?)?));
                3
            }
            "WITHSCORES" => {
                width = 2;
                1
            }
            "REV" => 1,
            // Fine for Redis, or wrong for it too.
            _ => return None,
        };
    }
    let (at, offset, count) = limit?;
    let mut command = command.clone();
    command.arguments.drain(at..at + 3);
    let rewritten = Rewritten { command, finish: None };
    Some(rewritten.finished(move |reply| match reply {
        Value::Array(items) => Value::Array(slice(items, width, offset, count)),
        other => other,
    }))
}

/// `ZRANGESTORE destination source start stop [REV] LIMIT offset count`: the same.
pub(in super::super) fn store_ranked_range_with_limit(command: &Command) -> Option<Rewritten> {
    let keys = command.arguments.get(1..3)?;
    let ends = command.arguments.get(3..5)?;
    let (mut limit, mut reverse) = (None, None);
    let mut index = 5;
    while index < command.arguments.len() {
        index += match command.word(index).as_str() {
            "LIMIT" => {
                limit = Some(command.arguments.get(index + 1..index + 3)?);
                3
            }
            "REV" => {
                reverse = Some(Bytes::from_static(b"REV"));
                1
            }
            // Fine for Redis, or wrong for it too.
            _ => return None,
        };
    }
    let numbers = [ends, limit?].concat();
    // Redis says what is wrong with others.
    numbers.iter().try_for_each(|number| integer(number).map(|_| ()))?;
    Some(Rewritten::script(STORE, keys.iter().cloned(), numbers.into_iter().chain(reverse)))
}

/// As Redis has it for scores: nothing at a negative offset, everything for a negative count.
fn slice(items: Vec<Value>, width: usize, offset: i64, count: i64) -> Vec<Value> {
    let Ok(offset) = usize::try_from(offset) else { return Vec::new() };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    items.into_iter().skip(offset.saturating_mul(width)).take(count.saturating_mul(width)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_members_with_their_scores() {
        let of = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            let rewritten = ranked_range_with_limit(&Command::of(&words))?;
            let items = (0..6).map(Value::Integer).collect();
            Some((rewritten.command, rewritten.finish.unwrap()(Value::Array(items))))
        };
        let numbers = |range: std::ops::Range<i64>| Value::Array(range.map(Value::Integer).collect());
        for (line, plain, expected) in [
            ("ZRANGE z 0 -1 LIMIT 1 2", "ZRANGE z 0 -1", numbers(1..3)),
            ("ZRANGE z 0 -1 limit 1 1 WITHSCORES", "ZRANGE z 0 -1 WITHSCORES", numbers(2..4)),
            ("ZRANGE z 0 -1 REV LIMIT 4 -1", "ZRANGE z 0 -1 REV", numbers(4..6)),
            ("ZRANGE z 0 -1 LIMIT -1 2", "ZRANGE z 0 -1", numbers(0..0)),
            ("ZRANGE LIMIT 0 -1 LIMIT 9 2", "ZRANGE LIMIT 0 -1", numbers(0..0)),
        ] {
            let words: Vec<_> = plain.split(' ').collect();
            assert_eq!(of(line), Some((Command::of(&words), expected)), "{line}");
        }
        for line in ["ZRANGE z 0 1", "ZRANGE z 0 1 BYSCORE LIMIT 0 1", "ZRANGE z 0 1 LIMIT 0", "ZRANGE z 0 1 LIMIT x 1"]
        {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
