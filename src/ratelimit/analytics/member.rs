use crate::ratelimit::{Attempt, Decision, Reason};
use serde::{Deserialize, Serialize};

/// The member of a bucket's sorted set, which is counted.
///
/// `@upstash/ratelimit` writes the same text, byte for byte, so that both count together and the console can read it:
/// the members of the object in this order, and nothing between them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Member<'a> {
    #[serde(borrow)]
    pub(super) identifier: std::borrow::Cow<'a, str>,
    pub(super) success: Success,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Success {
    Allowed,
    Blocked,
    Denied,
}

impl<'a> Member<'a> {
    pub(super) fn new(attempt: &'a Attempt<'_>, decision: &'a Decision, with_location: bool) -> Self {
        let place = attempt.client_info.filter(|_| with_location);
        let (identifier, success) = match &decision.reason {
            // A denied value is counted itself, not the identifier of its request.
            Reason::Denied(value) => (&**value, Success::Denied),
            _ if decision.allowed => (&*attempt.identifier, Success::Allowed),
            _ => (&*attempt.identifier, Success::Blocked),
        };
        Self {
            identifier: identifier.into(),
            success,
            country: place.and_then(|place| place.country.clone()),
            city: place.and_then(|place| place.city.clone()),
            region: place.and_then(|place| place.region.clone()),
            ip: place.and_then(|place| place.ip).map(|ip| ip.to_string()),
        }
    }
}

impl Serialize for Success {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Allowed => serializer.serialize_bool(true),
            Self::Blocked => serializer.serialize_bool(false),
            Self::Denied => serializer.serialize_str("denied"),
        }
    }
}

impl<'de> Deserialize<'de> for Success {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Flag(bool),
            Word(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Flag(true) => Ok(Self::Allowed),
            Either::Flag(false) => Ok(Self::Blocked),
            Either::Word(word) if word == "denied" => Ok(Self::Denied),
            Either::Word(_) => Err(serde::de::Error::custom("success is true, false or \"denied\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ratelimit::{Algorithm, ClientInfo, FixedWindow};
    use std::time::Duration;

    #[test]
    fn written_as_javascript_writes_it() {
        let algorithm = Algorithm::from(FixedWindow::new(1, Duration::from_secs(1)));
        let client_info =
            ClientInfo::new().with_country("DE").with_location("Köln", "NW").with_user_agent("no part of it");
        let attempt = Attempt::new("u\"1\n").with_client_info(&client_info);
        let write =
            |decision: &Decision, place| serde_json::to_string(&Member::new(&attempt, decision, place)).unwrap();
        let passed = Decision::outage(&algorithm, true, 0);
        assert_eq!(write(&passed, false), r#"{"identifier":"u\"1\n","success":true}"#);
        assert_eq!(
            write(&passed, true),
            r#"{"identifier":"u\"1\n","success":true,"country":"DE","city":"Köln","region":"NW"}"#
        );
        let denied = Decision::denied(&algorithm, "DE", 0);
        assert_eq!(write(&denied, false), r#"{"identifier":"DE","success":"denied"}"#);
    }
}
