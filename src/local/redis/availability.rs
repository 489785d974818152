use super::command::Command;

const NOT_OVER_REST: &str = "It is not part of the REST API.";
pub(super) const KEYSPACE_EVENTS: &str = "notify-keyspace-events";
const NO_COMMAND: &str = "It is a line of HTTP.";
const BLOCKS: &str = "Commands that block are not part of the REST API.";
const ONE_DATABASE: &str = "There is only database 0.";
const SHARED: &str = "The Redis behind this server is shared with other programs, and it would reach theirs.";
const HAS_NUL: &str = "A keyword has a NUL byte.";
const ACL_LATER: &str = "Users of the REST API are not supported by this server yet, \
                         and it does not change those of the Redis behind it.";

/// The error for a command that Upstash does not offer over REST, or that would change a shared connection or
/// the Redis itself. In a Redis that is `shared` with other programs, also for one that would reach what is theirs.
pub(super) fn refusal(command: &Command, shared: bool) -> Option<String> {
    let whole_server = || (shared && is_for_the_whole_server(command)).then_some(SHARED);
    let reason = if has_nul(command) { HAS_NUL } else { reason(command).or_else(whole_server)? };
    Some(not_available(command, reason))
}

/// The error for a command that Redis calls administrative, unless it is one of those of which `refusal` knows better.
pub(super) fn refusal_of_admin(command: &Command) -> Option<String> {
    (!["ACL", "CLIENT", "CONFIG"].contains(&command.name())).then(|| not_available(command, NOT_OVER_REST))
}

fn not_available(command: &Command, reason: &str) -> String {
    let name = command.arguments.first().map(|name| String::from_utf8_lossy(name)).unwrap_or_default();
    format!("ERR Command is not available: '{name}'. {reason}")
}

/// Whether the command is for all databases of a Redis. Those that name a library or a channel are not: they name it.
fn is_for_the_whole_server(command: &Command) -> bool {
    match command.name() {
        "FUNCTION" => ["FLUSH", "DUMP", "RESTORE", "KILL"].contains(&command.word(1).as_str()),
        "SCRIPT" => ["FLUSH", "KILL"].contains(&command.word(1).as_str()),
        "CONFIG" => command.word(1) == "SET",
        _ => false,
    }
}

/// Whether a keyword that decides here has a NUL byte. Redis reads a keyword up to its first NUL, so it would see
/// another one than this file.
fn has_nul(command: &Command) -> bool {
    let is_nul = |index: usize| command.arguments.get(index).is_some_and(|word| word.contains(&0));
    is_nul(0)
        || match command.name() {
            "ACL" | "CLIENT" | "CLUSTER" | "COMMAND" | "CONFIG" | "DEBUG" | "FUNCTION" | "LATENCY" | "MEMORY"
            | "MODULE" | "OBJECT" | "PUBSUB" | "SCRIPT" | "SLOWLOG" | "XGROUP" | "XINFO" => is_nul(1),
            "XREAD" | "XREADGROUP" => read_options(command).any(is_nul),
            "COPY" => (3..command.arguments.len()).any(is_nul),
            _ => false,
        }
}

fn reason(command: &Command) -> Option<&'static str> {
    match command.name() {
        "SUBSCRIBE" | "PSUBSCRIBE" | "SSUBSCRIBE" | "UNSUBSCRIBE" | "PUNSUBSCRIBE" | "SUNSUBSCRIBE" | "MONITOR" => {
            Some("It is a stream, not a command, over REST.")
        }
        "MULTI" | "EXEC" | "DISCARD" | "WATCH" | "UNWATCH" => Some("Use the /multi-exec endpoint for transactions."),
        "BLPOP" | "BRPOP" | "BRPOPLPUSH" | "BLMOVE" | "BLMPOP" | "BZPOPMIN" | "BZPOPMAX" | "BZMPOP" | "WAIT"
        | "WAITAOF" => Some(BLOCKS),
        "XREAD" | "XREADGROUP" => read_options(command).any(|index| command.word(index) == "BLOCK").then_some(BLOCKS),
        "SELECT" => (command.arguments.len() == 2 && &command.arguments[1][..] != b"0").then_some(ONE_DATABASE),
        "MOVE" | "SWAPDB" => Some(ONE_DATABASE),
        "COPY" => (3..command.arguments.len()).any(|index| command.word(index) == "DB").then_some(ONE_DATABASE),
        "ACL" => (!matches!(command.word(1).as_str(), "CAT" | "GENPASS" | "HELP" | "WHOAMI")).then_some(ACL_LATER),
        "MEMORY" => (!matches!(command.word(1).as_str(), "USAGE" | "HELP")).then_some(NOT_OVER_REST),
        "CONFIG" => (!is_keyspace_events(command)).then_some("Only notify-keyspace-events can be read and set."),
        "SCRIPT" => (command.word(1) == "DEBUG").then_some(NOT_OVER_REST),
        "CLIENT" => (!is_library_info(command)).then_some(NOT_OVER_REST),
        "AUTH" | "HELLO" | "QUIT" | "RESET" | "CLUSTER" | "ASKING" | "READONLY" | "READWRITE" | "DEBUG"
        | "FAILOVER" | "MIGRATE" | "MODULE" | "REPLICAOF" | "SLAVEOF" | "REPLCONF" | "SYNC" | "PSYNC" | "SAVE"
        | "BGSAVE" | "BGREWRITEAOF" | "SHUTDOWN" | "COMMANDLOG" | "HOTKEYS" | "LASTSAVE" | "LATENCY" | "LOLWUT"
        | "PFDEBUG" | "PFSELFTEST" | "RESTORE-ASKING" | "ROLE" | "SLOWLOG" => Some(NOT_OVER_REST),
        // Redis takes them for HTTP that a browser was made to send, and hangs up.
        "POST" | "HOST:" => Some(NO_COMMAND),
        _ => None,
    }
}

/// The positions of the options of XREAD or XREADGROUP, up to STREAMS. A group, a consumer or a key may have the name
/// of an option.
fn read_options(command: &Command) -> impl Iterator<Item = usize> {
    let following = |index: &usize| {
        let next = index
            + match command.word(*index).as_str() {
                "STREAMS" => return None,
                "GROUP" => 3,
                "COUNT" => 2,
                _ => 1,
            };
        Some(next)
    };
    std::iter::successors(Some(1), following).take_while(|index| *index < command.arguments.len())
}

/// `CLIENT SETINFO LIB-NAME | LIB-VER value`, which clients send without being asked.
fn is_library_info(command: &Command) -> bool {
    command.arguments.len() == 4
        && command.word(1) == "SETINFO"
        && ["LIB-NAME", "LIB-VER"].contains(&command.word(2).as_str())
}

fn is_keyspace_events(command: &Command) -> bool {
    match command.word(1).as_str() {
        "GET" => command.arguments.len() > 2,
        "SET" => command.arguments.len() == 4 && command.word(2).eq_ignore_ascii_case(KEYSPACE_EVENTS),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(line: &str) -> bool {
        let words: Vec<_> = line.split(' ').collect();
        refusal(&Command::of(&words), false).is_some()
    }

    #[test]
    fn a_shared_redis_is_not_changed_as_a_whole() {
        for (line, of_own, of_shared) in [
            ("FUNCTION FLUSH", false, true),
            ("function dump", false, true),
            ("FUNCTION DELETE lib", false, false),
            ("SCRIPT FLUSH ASYNC", false, true),
            ("SCRIPT LOAD x", false, false),
            ("CONFIG SET notify-keyspace-events KEA", false, true),
            ("CONFIG GET notify-keyspace-events", false, false),
            ("SWAPDB 0 1", true, true),
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let refused = |shared| refusal(&Command::of(&words), shared).is_some();
            assert_eq!((refused(false), refused(true)), (of_own, of_shared), "{line}");
        }
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
            "SWAPDB 0 1",
            "move k 1",
            "COPY a b REPLACE DB 1",
            "MIGRATE h 1 k 0 1",
            "acl setuser default",
            "ACL DELUSER x",
            "ACL LOAD",
            "ACL SAVE",
            "ACL LIST",
            "ACL GETUSER default",
            "ACL LOG",
            "ACL",
            "MEMORY DOCTOR",
            "SLOWLOG GET",
            "post /",
            "Host: x",
            "GET\0 k",
            "SCRIPT EXISTS\0 x",
            "XREAD BLOCK\0 0 STREAMS s $",
            "XREADGROUP GROUP g c STREAMS\0 s >",
            "COPY a b DB\0 1",
            "CLIENT",
            "CLIENT SETINFO LIB-NAME",
            "CLIENT SETINFO name x",
            "CLIENT SETNAME x",
            "CONFIG GET",
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
            "CONFIG GET maxmemory",
            "config set Notify-Keyspace-Events KEA",
            "SCRIPT LOAD x",
            "client setinfo lib-ver 1",
            "ACL WHOAMI",
            "ACL GENPASS",
            "MEMORY USAGE k",
            "COPY a DB REPLACE",
            "GET k\0",
            "XREAD STREAMS BLOCK 0",
            "XREAD COUNT 1 STREAMS s\0 0",
            "XREADGROUP GROUP g\0 c\0 STREAMS s >",
            "XREADGROUP GROUP BLOCK BLOCK COUNT 1 STREAMS s >",
        ] {
            assert!(!is_refused(line), "{line}");
        }
        assert!(refusal(&Command::new(Vec::new()), true).is_none());
    }

    #[test]
    fn says_the_name_as_it_was_sent() {
        assert_eq!(
            refusal(&Command::of(&["monitor"]), false).unwrap(),
            "ERR Command is not available: 'monitor'. It is a stream, not a command, over REST."
        );
    }
}
