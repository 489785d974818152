use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::command::Command;

const FLAG: &str = "allow-key-locking";
/// The oldest script beyond this is forgotten: its EVALSHA gives NOSCRIPT, and clients send it again.
const MAX_ALIASES: usize = 4096;

/// The scripts whose flag `allow-key-locking` was taken out, because plain Redis does not know it.
///
/// Redis knows such a script by the SHA-1 of what is left, clients by that of what they wrote.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    aliases: Mutex<Aliases>,
}

#[derive(Debug, Default)]
struct Aliases {
    by_original: HashMap<String, String>,
    order: VecDeque<String>,
}

impl Scripts {
    /// Rewrites the script or the SHA-1 in `command`. Returns the answer of SCRIPT LOAD, if that is changed.
    pub(super) fn rewrite(&self, command: &mut Command) -> Option<String> {
        match command.name() {
            "EVAL" | "EVAL_RO" => {
                self.strip(command.arguments.get_mut(1)?);
            }
            "EVALSHA" | "EVALSHA_RO" => self.resolve(command.arguments.get_mut(1)?),
            "SCRIPT" => match command.word(1).as_str() {
                "LOAD" => return self.strip(command.arguments.get_mut(2)?),
                "EXISTS" => {
                    let hashes = command.arguments.iter_mut().skip(2);
                    hashes.for_each(|hash| self.resolve(hash));
                }
                _ => {}
            },
            _ => {}
        }
        None
    }

    fn strip(&self, script: &mut Bytes) -> Option<String> {
        let stripped = without_flag(script)?;
        let original = hash(script);
        self.aliases().insert(original.clone(), hash(&stripped));
        *script = stripped.into();
        Some(original)
    }

    fn resolve(&self, hash: &mut Bytes) {
        let original = String::from_utf8_lossy(hash).to_ascii_lowercase();
        if let Some(stripped) = self.aliases().by_original.get(&original) {
            *hash = stripped.clone().into();
        }
    }

    fn aliases(&self) -> MutexGuard<'_, Aliases> {
        self.aliases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Aliases {
    fn insert(&mut self, original: String, stripped: String) {
        if self.by_original.insert(original.clone(), stripped).is_some() {
            return;
        }
        self.order.push_back(original);
        if self.order.len() > MAX_ALIASES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_original.remove(&oldest);
        }
    }
}

/// The script without the flag, or `None` when it has none. Its lines keep their numbers, for error messages.
fn without_flag(script: &[u8]) -> Option<Vec<u8>> {
    let end = script.iter().position(|byte| *byte == b'\n')?;
    let (first_line, rest) = script.split_at(end);
    let mut words = std::str::from_utf8(first_line).ok()?.split_ascii_whitespace();
    if words.next() != Some("#!lua") {
        return None;
    }
    let mut found = false;
    let mut kept = Vec::new();
    for word in words {
        let Some(flags) = word.strip_prefix("flags=") else {
            kept.push(word.to_owned());
            continue;
        };
        let others: Vec<_> = flags.split(',').filter(|flag| *flag != FLAG).collect();
        found |= others.len() < flags.split(',').count();
        if !others.is_empty() {
            kept.push(format!("flags={}", others.join(",")));
        }
    }
    if !found {
        return None;
    }
    let mut stripped = Vec::with_capacity(script.len());
    if !kept.is_empty() {
        stripped.extend_from_slice(format!("#!lua {}", kept.join(" ")).as_bytes());
    }
    stripped.extend_from_slice(rest);
    Some(stripped)
}

fn hash(script: &[u8]) -> String {
    let digest = Sha1::digest(script);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_the_flag_and_keeps_the_rest() {
        for (script, expected) in [
            ("#!lua flags=allow-key-locking\nreturn 1", "\nreturn 1"),
            ("#!lua  flags=allow-key-locking \r\nreturn 1", "\nreturn 1"),
            (
                "#!lua flags=no-writes,allow-key-locking,allow-stale\nreturn 1",
                "#!lua flags=no-writes,allow-stale\nreturn 1",
            ),
            ("#!lua flags=allow-key-locking name=x\nreturn 1", "#!lua name=x\nreturn 1"),
        ] {
            let stripped = without_flag(script.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(stripped).unwrap(), expected);
        }
    }

    #[test]
    fn leaves_other_scripts_alone() {
        for script in [
            "",
            "return 1",
            "#!lua\nreturn 1",
            "#!lua flags=no-writes\nreturn 1",
            "#!lua flags=\nreturn 1",
            "#!lua flags=allow-key-locking",
            "#!luau flags=allow-key-locking\nreturn 1",
            "-- #!lua flags=allow-key-locking\nreturn 1",
            "\n#!lua flags=allow-key-locking\nreturn 1",
        ] {
            assert_eq!(without_flag(script.as_bytes()), None, "{script}");
        }
    }

    #[test]
    fn knows_a_script_by_the_hash_of_its_original() {
        let scripts = Scripts::default();
        let original = "#!lua flags=allow-key-locking\nreturn 1";
        let mut load = Command::of(&["script", "load", original]);
        let answer = scripts.rewrite(&mut load).unwrap();
        assert_eq!(answer, hash(original.as_bytes()));
        assert_eq!(load, Command::of(&["script", "load", "\nreturn 1"]));

        let stripped = hash(b"\nreturn 1");
        let mut call = Command::of(&["EVALSHA_RO", &answer.to_uppercase(), "0"]);
        assert_eq!(scripts.rewrite(&mut call), None);
        assert_eq!(call, Command::of(&["EVALSHA_RO", &stripped, "0"]));

        let mut exists = Command::of(&["SCRIPT", "EXISTS", "unknown", &answer]);
        scripts.rewrite(&mut exists);
        assert_eq!(exists, Command::of(&["SCRIPT", "EXISTS", "unknown", &stripped]));
    }

    #[test]
    fn forgets_the_oldest_of_too_many() {
        let mut aliases = Aliases::default();
        for number in 0..=MAX_ALIASES {
            aliases.insert(number.to_string(), "x".to_owned());
        }
        assert_eq!(aliases.by_original.len(), MAX_ALIASES);
        assert!(!aliases.by_original.contains_key("0"));
        assert!(aliases.by_original.contains_key("1"));
    }
}
