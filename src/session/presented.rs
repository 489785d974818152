use super::{config::SessionConfig, id::SessionId};
use http::HeaderMap;

/// How many cookies of one name are looked at.
const MOST: usize = 8;

/// The values that the client sent under the cookie's name, as far as one of our keys signed them.
#[derive(Debug, Default)]
pub(super) struct Presented {
    /// The id, and the place of the key that signed it.
    pub(super) first: Option<(SessionId, usize)>,
    /// A browser has more than one after the cookie's `Path` or `Domain` has changed.
    pub(super) others: Vec<(SessionId, usize)>,
    /// Whether there were several of the name, signed or not.
    pub(super) several: bool,
}

impl Presented {
    /// A forged, foreign or malformed cookie costs a hash, and no request to the store.
    pub(super) fn of(config: &SessionConfig, headers: &HeaderMap) -> Self {
        let mut presented = Self::default();
        for (index, value) in config.cookie.values(headers).take(MOST).enumerate() {
            presented.several |= index > 0;
            let Some(signed) = config.keys.verify(config.cookie.name(), value) else { continue };
            let mut known = presented.first.iter().chain(&presented.others);
            if known.all(|(id, _)| *id != signed.0) {
                match presented.first {
                    None => presented.first = Some(signed),
                    Some(_) => presented.others.push(signed),
                }
            }
        }
        presented
    }
}
