use bytes::Bytes;
use tokio::sync::OnceCell;

use super::{
    address::RedisAddress,
    command::Command,
    outage::Outage,
    pool::{Lease, Pool},
    resp::{Allowance, Value},
};
use crate::local::secret::Secret;

/// Calls of such functions are few.
const CONNECTIONS: usize = 4;
const USER: &str = "upstash-local-read-only";
/// Everything that Redis lets a read-only script do.
const RULES: [&str; 8] = ["on", "~*", "&*", "+@all", "-@write", "-publish", "-spublish", "-pfcount"];

const REFUSED: &str = "Can not execute a script with write flag using *_ro command";
const WRITES: &str = "ERR Write commands are not allowed from read-only scripts.";
const NOT_OURS: &str = "ERR Can not execute a script with write flag using *_ro command. Upstash runs such a function \
                        until it writes, this server only in a Redis that it started itself";
/// How Redis before 7.2, and since, says that the user of a script may not run a command.
const DENIALS: [&str; 2] =
    ["The user executing the script can't run this command or subcommand", "ACL failure in script:"];

/// `FCALL_RO` of functions that do not declare `no-writes`: Redis refuses them, Upstash runs them until they write.
///
/// A Redis user without write access, as which `FCALL` repeats a refused `FCALL_RO`.
pub(super) struct ReadOnlyCalls {
    address: RedisAddress,
    /// `shared` Redis keep their users as they are.
    shared: bool,
    user: OnceCell<(Secret, Pool)>,
}

impl ReadOnlyCalls {
    pub(super) fn new(address: RedisAddress, shared: bool) -> Self {
        Self { address, shared, user: OnceCell::new() }
    }

    /// Gives the reply of a function that was refused, or `reply` as it is. `lease` is for the user who may write.
    pub(super) async fn finish(
        &self,
        lease: &mut Lease<'_>,
        allowance: &mut Allowance,
        command: &Command,
        reply: Value,
    ) -> Result<Value, Outage> {
        let is_refused = |text: &Bytes| String::from_utf8_lossy(text).contains(REFUSED);
        if !command.is("FCALL_RO") || !matches!(&reply, Value::Error(text) if is_refused(text)) {
            return Ok(reply);
        }
        if self.shared {
            return Ok(Value::error(NOT_OURS));
        }
        let Ok((password, pool)) = self.user.get_or_try_init(async || self.new_user()).await else {
            return Ok(reply);
        };
        // Each time, because a Redis that was started again has forgotten the user.
        let password = format!(">{}", password.expose());
        let mut set_user = vec!["ACL", "SETUSER", USER, password.as_str()];
        set_user.extend(RULES);
        let Value::Status(_) = lease.ask(Command::of(&set_user)).await? else {
            return Ok(reply);
        };
        let mut call = command.clone();
        if let Some(name) = call.arguments.first_mut() {
            *name = Bytes::from_static(b"FCALL");
        }
        let reply = pool.lease().await?.exchange(&[call], allowance).await?.pop().ok_or(Outage::Garbled)?;
        Ok(match reply {
            Value::Error(text) => Value::Error(in_words_of_read_only_scripts(text)),
            reply => reply,
        })
    }

    fn new_user(&self) -> Result<(Secret, Pool), getrandom::Error> {
        let password = Secret::random()?;
        let address =
            RedisAddress { username: Some(USER.to_owned()), password: Some(password.clone()), ..self.address.clone() };
        Ok((password, Pool::new(address, CONNECTIONS)))
    }
}

fn in_words_of_read_only_scripts(error: Bytes) -> Bytes {
    let text = String::from_utf8_lossy(&error);
    let Some(start) = DENIALS.iter().find_map(|denial| text.find(denial).map(|start| start + denial.len())) else {
        return error;
    };
    let place = text.get(start..).and_then(|rest| rest.rfind(" script: ").and_then(|at| rest.get(at..)));
    format!("{WRITES}{}", place.unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_becomes_the_error_of_a_read_only_script() {
        for (denial, expected) in [
            (
                "ERR The user executing the script can't run this command or subcommand script: f, on @user_function:2.",
                "ERR Write commands are not allowed from read-only scripts. script: f, on @user_function:2.",
            ),
            (
                "ERR ACL failure in script: User x has no permissions to run the 'set' command script: f, on @user_function:2.",
                "ERR Write commands are not allowed from read-only scripts. script: f, on @user_function:2.",
            ),
            (
                "ERR The user executing the script can't run this command or subcommand",
                "ERR Write commands are not allowed from read-only scripts.",
            ),
            ("WRONGTYPE script: f", "WRONGTYPE script: f"),
        ] {
            assert_eq!(in_words_of_read_only_scripts(denial.into()), expected);
        }
    }
}
