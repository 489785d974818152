use crate::{Error, ErrorKind, redis::Cmd};

/// Refuses a command that cannot be written, or that would disturb others.
pub(super) fn check(cmd: &Cmd) -> Result<(), Error> {
    match cmd.refused().or_else(|| reason(cmd)) {
        Some(reason) => Err(cmd.describe(Error::new(ErrorKind::InvalidInput, reason))),
        None => Ok(()),
    }
}

/// Why a command must not go over a connection that all share, if it must not.
///
/// What matters is whether it blocks the connection or changes its state. A command that changes the server, such as
/// `SHUTDOWN` or `CLIENT KILL`, is the caller's to send.
fn reason(cmd: &Cmd) -> Option<&'static str> {
    const BLOCKS: &str = "it would block the connection that all commands share";
    const CHANGES: &str = "it would change the connection that all commands share";
    let name = cmd.name().to_ascii_uppercase();
    let word = |index: usize| cmd.iter().nth(index).map(<[u8]>::to_ascii_uppercase).unwrap_or_default();
    match name.as_str() {
        "BLPOP" | "BRPOP" | "BRPOPLPUSH" | "BLMOVE" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX" | "BZMPOP" | "WAIT"
        | "WAITAOF" => Some(BLOCKS),
        "XREAD" | "XREADGROUP" => {
            // A group and a consumer may be called like an option.
            let skipped = if name == "XREADGROUP" { 4 } else { 1 };
            let options = cmd.iter().skip(skipped).map(<[u8]>::to_ascii_uppercase);
            options.take_while(|word| word != b"STREAMS").any(|word| word == b"BLOCK").then_some(BLOCKS)
        }
        "MULTI" | "EXEC" | "DISCARD" | "WATCH" | "UNWATCH" | "SELECT" | "AUTH" | "HELLO" | "QUIT" | "RESET"
        | "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" | "MONITOR"
        | "SYNC" | "PSYNC" | "REPLCONF" | "READONLY" | "READWRITE" | "ASKING" => Some(CHANGES),
        "CLIENT" => {
            const CHANGING: [&[u8]; 6] = [b"REPLY", b"TRACKING", b"CACHING", b"NO-EVICT", b"NO-TOUCH", b"SETNAME"];
            CHANGING.contains(&word(1).as_slice()).then_some(CHANGES)
        }
        // The connection becomes a debugger's.
        "SCRIPT" => (word(1) == b"DEBUG").then_some(CHANGES),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_one_alone_is_refused() {
        let refused = |line: &str| {
            let mut words = line.split(' ');
            reason(&Cmd::new(words.next().unwrap()).args(words)).is_some()
        };
        for line in [
            "blpop k 0",
            "XREAD BLOCK 0 STREAMS s $",
            "XREADGROUP GROUP g c BLOCK 0 STREAMS s >",
            "Multi",
            "SELECT 1",
            "CLIENT REPLY OFF",
            "client tracking on",
            "SCRIPT DEBUG YES",
            "READONLY",
            "ASKING",
            "XREADGROUP GROUP STREAMS c BLOCK 0 STREAMS s >",
        ] {
            assert!(refused(line), "{line}");
        }
        for line in [
            "GET k",
            "XREAD STREAMS BLOCK 0",
            "XREADGROUP GROUP BLOCK BLOCK STREAMS s >",
            "CLIENT SETINFO a b",
            "CLIENT KILL ID 5",
            "SCRIPT EXISTS a",
        ] {
            assert!(!refused(line), "{line}");
        }
    }
}
