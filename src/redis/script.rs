use super::{Cmd, FromReply, Redis, Reply, ToArg, call::convert};
use crate::{Error, ErrorKind, hex::hex, rt::Deadline};
use sha1::{Digest, Sha1};
use std::{fmt, sync::OnceLock, time::Duration};

/// Tells Upstash to lock only the keys in `KEYS`. It has to be the very first bytes of a script.
const PRELUDE: &str = "#!lua flags=allow-key-locking\n";

/// Forgets a key that still has a value. Keys: the key. Arguments: the value.
pub(crate) static RELEASE: Script = Script::new(include_str!("release.lua"));

/// A Lua script, called by its hash (`EVALSHA`), and sent whole only if the server does not have it yet.
///
/// Every key that it touches must be in `KEYS`. The key-locking line is added and left out as the server wants it
/// ([`KeyLocking`](super::KeyLocking)).
///
/// ```no_run
/// use axum_upstash::redis::{Redis, Script};
///
/// static RAISE: Script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
///
/// # async fn run(redis: Redis) -> Result<(), axum_upstash::Error> {
/// let now: i64 = redis.script(&RAISE).key("counter").arg(5).query().await?;
/// # Ok(())
/// # }
/// ```
pub struct Script {
    body: &'static str,
    plain: OnceLock<String>,
    locking: OnceLock<(String, String)>,
}

impl Script {
    /// A script without a `#!lua` line.
    #[must_use]
    pub const fn new(body: &'static str) -> Self {
        Self { body, plain: OnceLock::new(), locking: OnceLock::new() }
    }

    /// Source and hash, with or without the key-locking line.
    fn form(&self, locking: bool) -> (&str, &str) {
        if locking {
            let (source, hash) = self.locking.get_or_init(|| {
                let source = format!("{PRELUDE}{}", self.body);
                let hash = hash(&source);
                (source, hash)
            });
            (source, hash)
        } else {
            (self.body, self.plain.get_or_init(|| hash(self.body)))
        }
    }
}

impl Redis {
    /// A Lua script: add keys and arguments, name the type of the reply, and await it.
    pub fn script<'a>(&'a self, script: &'a Script) -> ScriptCall<'a> {
        ScriptCall::new(self, script)
    }
}

fn hash(source: &str) -> String {
    hex(&Sha1::digest(source.as_bytes()))
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("hash", &self.form(false).1).finish()
    }
}

/// A call of a [`Script`].
#[must_use = "a script runs when its query is awaited"]
pub struct ScriptCall<'a> {
    redis: &'a Redis,
    script: &'a Script,
    keys: Vec<Vec<u8>>,
    args: Cmd,
    timeout: Option<Duration>,
    repeatable: bool,
}

impl<'a> ScriptCall<'a> {
    pub(super) fn new(redis: &'a Redis, script: &'a Script) -> Self {
        Self { redis, script, keys: Vec::new(), args: Cmd::new(""), timeout: None, repeatable: false }
    }

    /// Adds a key (`KEYS`).
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.keys.push(key.as_ref().to_vec());
        self
    }

    /// Adds an argument (`ARGV`).
    pub fn arg(mut self, arg: impl ToArg) -> Self {
        self.args = self.args.arg(arg);
        self
    }

    call_setters!();

    /// Runs the script.
    ///
    /// # Errors
    /// Those of any command, and the script's own.
    pub async fn query<T: FromReply>(self) -> Result<T, Error> {
        let deadline = self.redis.deadline(self.timeout);
        let locking = self.redis.locks_keys();
        let reply = match self.attempt(locking, deadline).await {
            Err(error) if locking && refuses_key_locking(&error) && self.redis.learn_no_key_locking() => {
                self.attempt(false, deadline).await?
            }
            outcome => outcome?,
        };
        convert(reply, &self.command("EVALSHA", ""))
    }

    /// One deadline for all the steps that it may take.
    async fn attempt(&self, locking: bool, deadline: Deadline) -> Result<Reply, Error> {
        let (source, hash) = self.script.form(locking);
        let run = |cmd: Cmd| async move { self.redis.run(&cmd, Some(deadline.remaining()), self.repeatable).await };
        match run(self.command("EVALSHA", hash)).await {
            Err(error) if error.kind() == ErrorKind::NoScript => run(self.command("EVAL", source)).await,
            outcome => outcome,
        }
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut cmd = Cmd::new(name).arg(script).arg(self.keys.len());
        for key in &self.keys {
            cmd = cmd.key(key);
        }
        cmd.args(self.args.iter().skip(1))
    }
}

/// Redis 7 names the flag; older ones stumble over the `#`.
fn refuses_key_locking(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused
        && (error.message().contains("script shebang") || error.message().contains("unexpected symbol near '#'"))
}

impl fmt::Debug for ScriptCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptCall")
            .field("script", self.script)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_redis_computes() {
        // `SCRIPT LOAD "return 1"` answers with this.
        assert_eq!(Script::new("return 1").form(false).1, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        let script = Script::new("return 1");
        let (source, locking) = script.form(true);
        assert!(source.starts_with("#!lua flags=allow-key-locking\nreturn 1"));
        assert_ne!(locking, script.form(false).1);
    }
}
