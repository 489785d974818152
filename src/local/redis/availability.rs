use super::command::Command;

const NOT_OVER_REST: &str = "It is not part of the REST API.";
const BLOCKS: &str = "Commands that block are not part of the REST API.";

/// The error for a command that Upstash does not offer over REST, or that would change a shared connection or
/// the Redis itself.
pub(super) fn refusal(command: &Command) -> Option<String> {
    let reason = reason(command)?;
    let name = String::from_utf8_lossy(command.arguments.first()?);
    Some(format!("ERR Command is not available: '{name}'. {reason}"))
}

fn reason(command: &Command) -> Option<&'static str> {
    match command.word(0).as_str() {
        "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" | "MONITOR" => {
            Some("It is a stream, not a command, over REST.")
        }
        "MULTI" | "EXEC" | "DISCARD" | "WATCH" | "UNWATCH" => Some("Use the /multi-exec endpoint for transactions."),
        "BLPOP" | "BRPOP" | "BRPOPLPUSH" | "BLMOVE" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX" | "BZMPOP" | "WAIT"
        | "WAITAOF" => Some(BLOCKS),
        "XREAD" | "XREADGROUP" => blocks(command).then_some(BLOCKS),
        "SELECT" => {
            (command.arguments.len() == 2 && command.arguments[1] != b"0").then_some("There is only database 0.")
        }
        "CONFIG" => (!is_keyspace_events(command)).then_some("Only notify-keyspace-events can be read and set."),
        "SCRIPT" => (command.word(1) == "DEBUG").then_some(NOT_OVER_REST),
        "AUTH" | "HELLO" | "QUIT" | "RESET" | "CLIENT" | "CLUSTER" | "ASKING" | "READONLY" | "READWRITE" | "DEBUG"
        | "FAILOVER" | "MODULE" | "REPLICAOF" | "SLAVEOF" | "REPLCONF" | "SYNC" | "PSYNC" | "SAVE" | "BGSAVE"
        | "BGREWRITEAOF" | "SHUTDOWN" => Some(NOT_OVER_REST),
        _ => None,
    }
}

/// Whether XREAD or XREADGROUP has the option BLOCK, which a group, a consumer or a key may also be called.
fn blocks(command: &Command) -> bool {
    let mut index = 1;
    while index < command.arguments.len() {
        index += match command.word(index).as_str() {
            "BLOCK" => return true,
            "STREAMS" => return false,
            "GROUP" => 3,
            "COUNT" => 2,
            _ => 1,
        };
    }
    false
}

fn is_keyspace_events(command: &Command) -> bool {
    let arguments = match command.word(1).as_str() {
        "GET" => 3,
        "SET" => 4,
        _ => return false,
    };
    command.arguments.len() == arguments && command.word(2) == "NOTIFY-KEYSPACE-EVENTS"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(line: &str) -> bool {
        let words: Vec<_> = line.split(' ').collect();
        refusal(&Command::of(&words)).is_some()
    }

    #[test]
    fn refuses_what_is_not_offered() {
        for line in [
            "subscribe c",
            "Monitor",
            "BLPOP k 0",
            "multi",
            "SELECT 1",
            "SELECT x",
            "CONFIG GET maxmemory",
            "CONFIG SET notify-keyspace-events KEA maxmemory 1",
            "CONFIG REWRITE",
            "SCRIPT DEBUG YES",
            "XREAD BLOCK 0 STREAMS s $",
            "XREAD count 1 block 0 streams s $",
            "XREADGROUP GROUP STREAMS c CLAIM 5 BLOCK 0 STREAMS s >",
        ] {
            assert!(is_refused(line), "{line}");
        }
    }

    #[test]
    fn lets_the_rest_through() {
        for line in [
            "GET k",
            "SELECT 0",
            "SELECT",
            "CONFIG GET notify-keyspace-events",
            "config set Notify-Keyspace-Events KEA",
            "SCRIPT LOAD x",
            "XREAD STREAMS BLOCK 0",
            "XREADGROUP GROUP BLOCK BLOCK COUNT 1 STREAMS s >",
        ] {
            assert!(!is_refused(line), "{line}");
        }
        assert!(refusal(&Command::new(Vec::new())).is_none());
    }

    #[test]
    fn says_the_name_as_it_was_sent() {
        assert_eq!(
            refusal(&Command::of(&["monitor"])).unwrap(),
            "ERR Command is not available: 'monitor'. It is a stream, not a command, over REST."
        );
    }
}
