use crate::redis::node::Node;
use redis_rs::RedisError;

/// The refusal of a transaction whose slot has moved or is moving: nothing was executed.
#[derive(Debug, PartialEq)]
pub(super) struct SlotMove {
    /// The node that owns the slot, if the refusal names it.
    pub(super) owner: Option<Node>,
}

impl SlotMove {
    pub(super) fn of(error: &RedisError) -> Option<Self> {
        let whole = error.code().and_then(|code| Self::parse(code, error.detail()));
        // A discarded transaction has the code `EXECABORT`, and the refusals of its commands inside.
        whole.or_else(|| {
            let errors = error.clone().into_server_errors()?;
            errors.iter().find_map(|(_, error)| Self::parse(error.code(), error.details()))
        })
    }

    fn parse(code: &str, details: Option<&str>) -> Option<Self> {
        let owner = match code {
            "MOVED" => details.and_then(owner),
            // The node that imports a slot takes no transaction before it owns it.
            "ASK" | "TRYAGAIN" => None,
            _ => return None,
        };
        Some(Self { owner })
    }
}

/// The node in `15891 127.0.0.1:7002`. An empty host means the node that answered, which the caller does not know.
fn owner(details: &str) -> Option<Node> {
    let (host, port) = details.split_ascii_whitespace().nth(1)?.rsplit_once(':')?;
    let host = (!host.is_empty()).then(|| host.to_owned())?;
    Some(Node { host, port: port.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_owner() {
        let owner = |code, details| SlotMove::parse(code, Some(details)).map(|moved| moved.owner);
        let node = |host: &str, port| Some(Some(Node { host: host.to_owned(), port }));
        assert_eq!(owner("MOVED", "15891 127.0.0.1:7002"), node("127.0.0.1", 7002));
        assert_eq!(owner("MOVED", "15891 ::1:7002"), node("::1", 7002));
        assert_eq!(owner("MOVED", "15891 node-a.example:7002"), node("node-a.example", 7002));
        for unknown in ["15891 :7002", "15891", "", "15891 host", "15891 host:port", "15891 host:70000"] {
            assert_eq!(owner("MOVED", unknown), Some(None), "{unknown}");
        }
        assert_eq!(owner("ASK", "15891 127.0.0.1:7002"), Some(None));
        assert_eq!(owner("TRYAGAIN", "Multiple keys request during rehashing of slot"), Some(None));
        assert_eq!(owner("ERR", "unknown command"), None);
    }
}
