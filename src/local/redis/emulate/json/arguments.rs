use bytes::Bytes;
use serde_json::value::RawValue;

use super::path::compile;
use crate::local::redis::{
    command::Command,
    emulate::{
        Rewritten,
        arguments::{NOT_AN_INTEGER, SYNTAX, wrong_arity},
    },
    resp::Value,
};

const SCRIPT: &str = concat!(
    include_str!("read.lua"),
    include_str!("print.lua"),
    include_str!("select.lua"),
    include_str!("numbers.lua"),
    include_str!("document.lua"),
    include_str!("write.lua"),
    include_str!("commands.lua"),
);
const TYPE: &str = include_str!("type.lua");
const HELP: [&str; 2] = ["MEMORY <key> [path] - reports memory usage", "HELP                - this message"];

/// `TYPE`, which knows documents.
pub(in crate::local::redis::emulate) fn type_of(command: &Command) -> Option<Rewritten> {
    match command.arguments.as_slice() {
        [_, key] => Some(Rewritten::script(TYPE, [key.clone()], [])),
        _ => None,
    }
}

/// The script for a command; `None` for one that there is not, and the error for one with another number of arguments.
pub(in crate::local::redis::emulate) fn rewrite(command: &Command) -> Result<Option<Rewritten>, Value> {
    match script(command) {
        // It fails when its turn comes: the others of a transaction are executed.
        Err(Value::Error(text)) if !text.starts_with(ARITY) => Ok(Some(Rewritten::failing(text))),
        outcome => outcome,
    }
}

const ARITY: &[u8] = b"ERR wrong number of arguments";

fn script(command: &Command) -> Result<Option<Rewritten>, Value> {
    let words = command.arguments.get(1..).unwrap_or_default();
    let arity = || wrong_arity(command);
    let call = match (command.name(), words) {
        ("JSON.SET", [key, path, value, rest @ ..]) => {
            let condition = match rest {
                [] => Bytes::new(),
                [word] if word.eq_ignore_ascii_case(b"NX") => Bytes::from_static(b"NX"),
                [word] if word.eq_ignore_ascii_case(b"XX") => Bytes::from_static(b"XX"),
                _ => return Err(Value::error(SYNTAX)),
            };
            Call::of(key).path(path)?.value(value)?.word(condition)
        }
        ("JSON.MERGE", [key, path, value]) => Call::of(key).path(path)?.value(value)?,
        ("JSON.MSET", triples) if !triples.is_empty() && triples.len() % 3 == 0 => {
            let mut call = Call::default();
            for triple in triples.chunks_exact(3) {
                call.keys.push(triple[0].clone());
                call = call.path(&triple[1])?.value(&triple[2])?;
            }
            call
        }
        ("JSON.GET", [key, rest @ ..]) => get(command, key, rest)?,
        ("JSON.MGET", [keys @ .., path]) if !keys.is_empty() => {
            Call { keys: keys.to_vec(), ..Call::default() }.path(path)?
        }
        ("JSON.DEBUG", [word, rest @ ..]) => match (word.to_ascii_uppercase().as_slice(), rest) {
            (b"MEMORY", [key, rest @ ..]) => Call::of(key).optional_path(rest).ok_or_else(arity)??,
            (b"MEMORY", []) => return Err(arity()),
            (b"HELP", _) => return Ok(Some(help())),
            _ => return Err(Value::error("ERR unknown subcommand - try `JSON.DEBUG HELP`")),
        },
        (
            "JSON.DEL" | "JSON.FORGET" | "JSON.CLEAR" | "JSON.TYPE" | "JSON.RESP" | "JSON.ARRLEN" | "JSON.OBJKEYS"
            | "JSON.OBJLEN" | "JSON.STRLEN",
            [key, rest @ ..],
        ) => Call::of(key).optional_path(rest).ok_or_else(arity)??,
        ("JSON.TOGGLE", [key, path]) => Call::of(key).path(path)?,
        ("JSON.ARRAPPEND", [key, path, values @ ..]) if !values.is_empty() => {
            values.iter().try_fold(Call::of(key).path(path)?, Call::value)?
        }
        ("JSON.ARRINSERT", [key, path, index, values @ ..]) if !values.is_empty() => {
            values.iter().try_fold(Call::of(key).path(path)?.integer(index)?, Call::value)?
        }
        ("JSON.ARRINDEX", [key, path, value, ends @ ..]) if ends.len() <= 2 => {
            let zero = Bytes::from_static(b"0");
            let (start, stop) = (ends.first().unwrap_or(&zero), ends.get(1).unwrap_or(&zero));
            Call::of(key).path(path)?.value(value)?.integer(start)?.integer(stop)?
        }
        ("JSON.ARRPOP", [key, rest @ ..]) if rest.len() <= 2 => {
            let (root, last) = (Bytes::from_static(b"."), Bytes::from_static(b"-1"));
            let (path, index) = (rest.first().unwrap_or(&root), rest.get(1).unwrap_or(&last));
            Call::of(key).path(path)?.integer(index)?
        }
        ("JSON.ARRTRIM", [key, path, start, stop]) => Call::of(key).path(path)?.integer(start)?.integer(stop)?,
        ("JSON.NUMINCRBY" | "JSON.NUMMULTBY", [key, path, number]) => Call::of(key).path(path)?.number(number)?,
        ("JSON.STRAPPEND", [key, rest @ .., text]) if rest.len() <= 1 => {
            Call::of(key).optional_path(rest).ok_or_else(arity)??.string(text)?
        }
        (name, _) if KNOWN.contains(&name) => return Err(arity()),
        _ => return Ok(None),
    };
    Ok(Some(call.into_script(command.name())))
}

/// Those that have another number of arguments.
const KNOWN: &[&str] = &[
    "JSON.SET",
    "JSON.MERGE",
    "JSON.MSET",
    "JSON.GET",
    "JSON.MGET",
    "JSON.DEBUG",
    "JSON.DEL",
    "JSON.FORGET",
    "JSON.CLEAR",
    "JSON.TYPE",
    "JSON.RESP",
    "JSON.ARRLEN",
    "JSON.TOGGLE",
    "JSON.OBJKEYS",
    "JSON.OBJLEN",
    "JSON.STRLEN",
    "JSON.ARRAPPEND",
    "JSON.ARRINSERT",
    "JSON.ARRINDEX",
    "JSON.ARRPOP",
    "JSON.ARRTRIM",
    "JSON.NUMINCRBY",
    "JSON.NUMMULTBY",
    "JSON.STRAPPEND",
];

/// The keys and arguments of the script.
#[derive(Default)]
struct Call {
    keys: Vec<Bytes>,
    paths: Vec<serde_json::Value>,
    values: Vec<Bytes>,
}

impl Call {
    fn of(key: &Bytes) -> Self {
        Self { keys: vec![key.clone()], ..Self::default() }
    }

    fn path(mut self, path: &Bytes) -> Result<Self, Value> {
        let compiled = std::str::from_utf8(path).ok().and_then(compile);
        self.paths.push(compiled.ok_or_else(|| Value::error("ERR the path cannot be understood by this server"))?);
        Ok(self)
    }

    /// The root if none is given; `None` if there are more.
    fn optional_path(self, rest: &[Bytes]) -> Option<Result<Self, Value>> {
        match rest {
            [] => Some(self.path(&Bytes::from_static(b"."))),
            [path] => Some(self.path(path)),
            _ => None,
        }
    }

    /// A value, which has to be JSON. The error gives the position of the fault, and not the value.
    fn value(mut self, value: &Bytes) -> Result<Self, Value> {
        let json = serde_json::from_slice::<&RawValue>(value);
        // Text alone may have halves of characters, numbers beyond all floats, and any depth.
        match json.and_then(|json| serde_json::from_str(json.get()).map(|_: serde_json::Value| json)) {
            Ok(json) => self.values.push(Bytes::copy_from_slice(json.get().as_bytes())),
            Err(error) => {
                let place = format!("line {} column {}", error.line(), error.column());
                return Err(Value::error(format!("ERR the value is not JSON, at {place}")));
            }
        }
        Ok(self)
    }

    fn string(self, text: &Bytes) -> Result<Self, Value> {
        match serde_json::from_slice::<String>(text) {
            Ok(_) => self.value(text),
            Err(_) => Err(Value::error("ERR the value is not a JSON string")),
        }
    }

    fn number(self, number: &Bytes) -> Result<Self, Value> {
        match serde_json::from_slice::<serde_json::Number>(number) {
            Ok(_) => self.value(number),
            Err(_) => Err(Value::error("ERR the value is not a number")),
        }
    }

    fn integer(self, number: &Bytes) -> Result<Self, Value> {
        let parsed = std::str::from_utf8(number).ok().and_then(|text| text.parse::<i64>().ok());
        let number = parsed.ok_or_else(|| Value::error(NOT_AN_INTEGER))?;
        // Beyond any array, and a number that Lua has exactly.
        Ok(self.word(number.clamp(-(1 << 53), 1 << 53).to_string().into()))
    }

    fn word(mut self, word: Bytes) -> Self {
        self.values.push(word);
        self
    }

    fn into_script(self, name: &str) -> Rewritten {
        let paths = serde_json::Value::Array(self.paths).to_string();
        let arguments = [Bytes::copy_from_slice(name.as_bytes()), paths.into()];
        Rewritten::script(SCRIPT, self.keys, arguments.into_iter().chain(self.values))
    }
}

/// `JSON.GET key [INDENT …] [NEWLINE …] [SPACE …] [path…]`, in any order.
fn get(command: &Command, key: &Bytes, rest: &[Bytes]) -> Result<Call, Value> {
    let mut layout = [Bytes::new(), Bytes::new(), Bytes::new()];
    let mut call = Call::of(key);
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.to_ascii_uppercase().as_slice() {
            name @ (b"INDENT" | b"NEWLINE" | b"SPACE") => {
                let value = words.next().ok_or_else(|| wrong_arity(command))?.clone();
                layout[match name {
                    b"INDENT" => 0,
                    b"NEWLINE" => 1,
                    _ => 2,
                }] = value;
            }
            // An old word without a meaning today.
            b"NOESCAPE" => {}
            b"FORMAT" => return Err(Value::error("ERR FORMAT argument is not supported on RESP2")),
            _ => call = call.path(word)?,
        }
    }
    if call.paths.is_empty() {
        call = call.path(&Bytes::from_static(b"."))?;
    }
    Ok(layout.into_iter().fold(call, Call::word))
}

fn help() -> Rewritten {
    let lines = || HELP.iter().map(|line| Value::Bulk(Bytes::from_static(line.as_bytes()))).collect();
    Rewritten::script("return 1", [], []).finished(move |_| Value::Array(lines()))
}
