use crate::redis::Cmd;

/// Why a command must not go over a connection that all share; nothing where it may.
pub(super) fn reason(cmd: &Cmd) -> Option<&'static str> {
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
        | "SYNC" | "PSYNC" => Some(CHANGES),
        "CLIENT" => {
            (!matches!(word(1).as_slice(), b"SETINFO" | b"ID" | b"INFO" | b"LIST" | b"GETNAME")).then_some(CHANGES)
        }
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
            "XREADGROUP GROUP STREAMS c BLOCK 0 STREAMS s >",
        ] {
            assert!(refused(line), "{line}");
        }
        for line in ["GET k", "XREAD STREAMS BLOCK 0", "XREADGROUP GROUP BLOCK BLOCK STREAMS s >", "CLIENT SETINFO a b"]
        {
            assert!(!refused(line), "{line}");
        }
    }
}
