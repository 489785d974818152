use bytes::Bytes;

use crate::local::redis::{
    command::Command,
    emulate::{
        Rewritten,
        arguments::{SYNTAX, integer},
    },
};

const SCAN: &str = include_str!("scan.lua");
/// The type of a document, as Redis names it.
const DOCUMENT: &str = "ReJSON-RL";
const DEFAULT_COUNT: &[u8] = b"10";
/// Lua takes no more arguments at once.
const MAX_ARGUMENTS: usize = 4000;

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type | WITHTYPE]`: Redis looks at some keys and may find none,
/// Upstash goes on until it has found as many as were asked for. Here a call ends after 100,000 keys as well: a script
/// holds up all clients. With WITHTYPE every key is followed by its type.
///
/// `native_json` says that documents are documents for Redis, too.
pub(in super::super) fn scan(command: &Command, native_json: bool) -> Option<Rewritten> {
    if command.arguments.len() > MAX_ARGUMENTS {
        return None;
    }
    let mut words: Vec<_> = command.arguments.get(..2)?.to_vec();
    let (mut with_type, mut of_type, mut documents) = (false, false, "");
    let mut count = Bytes::from_static(DEFAULT_COUNT);
    let mut index = 2;
    while let Some(word) = command.arguments.get(index) {
        index += 1;
        let name = command.word(index - 1);
        if name == "WITHTYPE" {
            with_type = true;
            continue;
        }
        // Redis says what is wrong without it.
        let value = command.arguments.get(index)?;
        index += 1;
        match name.as_str() {
            "COUNT" => {
                integer(value).filter(|count| *count > 0)?;
                count = value.clone();
            }
            "MATCH" => words.extend([word.clone(), value.clone()]),
            "TYPE" => {
                of_type = true;
                documents = documents_of(value, native_json);
                let value = if documents == DOCUMENT { Bytes::from_static(b"hash") } else { value.clone() };
                words.extend([word.clone(), value]);
            }
            _ => return None,
        }
    }
    if with_type && of_type {
        return Some(Rewritten::failing(SYNTAX));
    }
    words.extend([Bytes::from_static(b"COUNT"), count.clone()]);
    let told = Bytes::from_static(if with_type { b"1" } else { b"0" });
    Some(Rewritten::script(SCAN, [], [told, documents.into(), count].into_iter().chain(words)))
}

/// The treatment of documents, which are hashes for Redis, when only keys of `type` are wanted.
fn documents_of(of_type: &Bytes, native_json: bool) -> &'static str {
    if native_json {
        ""
    } else if of_type.eq_ignore_ascii_case(DOCUMENT.as_bytes()) {
        DOCUMENT
    } else if of_type.eq_ignore_ascii_case(b"hash") {
        "hash"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').collect();
        let rewritten = scan(&Command::of(&words), false)?;
        let after_script = rewritten.command.arguments.iter().skip(2);
        Some(after_script.map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn takes_out_what_redis_does_not_know() {
        for (line, expected) in [
            ("SCAN 0", "0 0  10 SCAN 0 COUNT 10"),
            ("scan 0 withtype", "0 1  10 scan 0 COUNT 10"),
            ("SCAN 0 COUNT 7 MATCH WITHTYPE WITHTYPE COUNT 5", "0 1  5 SCAN 0 MATCH WITHTYPE COUNT 5"),
            ("SCAN 0 TYPE Hash", "0 0 hash 10 SCAN 0 TYPE Hash COUNT 10"),
            ("SCAN 0 type rejson-rl", "0 0 ReJSON-RL 10 SCAN 0 type hash COUNT 10"),
            ("SCAN 0 TYPE string WITHTYPE", "0 ERR syntax error"),
        ] {
            assert_eq!(of(line).unwrap(), expected);
        }
    }

    #[test]
    fn leaves_what_redis_refuses_to_redis() {
        for line in ["SCAN", "SCAN 0 MATCH", "SCAN 0 WITHTYPE x", "SCAN 0 x y", "SCAN 0 COUNT 0", "SCAN 0 COUNT x"] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
