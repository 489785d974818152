use super::id::{SessionId, TEXT_LEN};
use crate::{Error, ErrorKind, rt::random_bytes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt, sync::Arc};

/// 32 bytes in base64url.
const TAG_LEN: usize = 43;
/// Shorter secrets can be guessed.
const MIN_SECRET: usize = 32;

/// The keys that sign session cookies: the first signs, all verify.
///
/// To change the key, put the new one in front and keep the old one until its cookies are gone; clients get a cookie
/// under the new key with their next use of the session.
///
/// ```
/// use axum_upstash::session::{KeyRing, SessionLayer, store::MemorySessionStore};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The first secret signs, all verify. To change it, put the new one in front.
/// let keys = KeyRing::new(["a new secret of at least 32 bytes…", "the secret of last year, 32 bytes…"])?;
/// let layer = SessionLayer::new(MemorySessionStore::new(), keys);
/// assert!(KeyRing::new(["short"]).is_err());
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyRing {
    // Keyed once; a cookie costs a clone of the state instead of two more hash blocks.
    keys: Arc<[Hmac<Sha256>]>,
}

impl KeyRing {
    /// Keys from secrets of at least 32 bytes each.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if there is none, or one is shorter.
    pub fn new<I: IntoIterator<Item: AsRef<[u8]>>>(secrets: I) -> Result<Self, Error> {
        let keys = secrets.into_iter().map(|secret| key(secret.as_ref())).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "a session secret is needed"));
        }
        Ok(Self { keys: keys.into() })
    }

    /// A key that lives as long as the process: its sessions end with it.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if the system has no randomness.
    pub fn random() -> Result<Self, Error> {
        Self::new([random_bytes::<MIN_SECRET>()?])
    }

    /// A key made from another secret that all instances of the application share.
    pub(crate) fn derived(secret: &str, namespace: &str) -> Result<Self, Error> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| unusable())?;
        mac.update(b"axum-upstash session cookie v1\n");
        mac.update(namespace.as_bytes());
        Self::new([mac.finalize().into_bytes()])
    }

    /// Keys from secrets that several applications may share, each with a namespace of its own.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn within<'a>(secrets: impl Iterator<Item = &'a str>, namespace: &str) -> Result<Self, Error> {
        let secrets: Vec<&str> = secrets.collect();
        Self::new(&secrets)?;
        let rings = secrets.iter().map(|secret| Self::derived(secret, namespace)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { keys: rings.iter().flat_map(|ring| ring.keys.iter().cloned()).collect() })
    }

    /// Whether both are clones of one ring.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }

    /// The value of the cookie: id and signature.
    pub(super) fn sign(&self, cookie: &str, id: &SessionId) -> String {
        let tag = self.keys.first().map(|key| mac(key, cookie, id).finalize().into_bytes()).unwrap_or_default();
        let mut value = String::with_capacity(TEXT_LEN + 1 + TAG_LEN);
        value.push_str(id.as_str());
        value.push('.');
        URL_SAFE_NO_PAD.encode_string(tag, &mut value);
        value
    }

    /// The id in a cookie that one of the keys signed, and the place of that key.
    pub(super) fn verify(&self, cookie: &str, value: &str) -> Option<(SessionId, usize)> {
        let (id, tag) = value.split_at_checked(TEXT_LEN)?;
        let id = SessionId::parse(id)?;
        let mut bytes = [0; 36];
        let length = URL_SAFE_NO_PAD.decode_slice(tag.strip_prefix('.')?, &mut bytes).ok()?;
        let tag = &bytes[..length];
        // Compared in constant time by the library.
        let signer = self.keys.iter().position(|key| mac(key, cookie, &id).verify_slice(tag).is_ok())?;
        Some((id, signer))
    }
}

fn key(secret: &[u8]) -> Result<Hmac<Sha256>, Error> {
    if secret.len() < MIN_SECRET {
        return Err(Error::new(ErrorKind::Configuration, "a session secret needs at least 32 bytes"));
    }
    Hmac::new_from_slice(secret).map_err(|_| unusable())
}

fn unusable() -> Error {
    Error::new(ErrorKind::Configuration, "the session secret cannot be used as a key")
}

/// Over the cookie's name as well, so that a value of one cookie is nothing under the name of another.
fn mac(key: &Hmac<Sha256>, cookie: &str, id: &SessionId) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(cookie.as_bytes());
    mac.update(b"=");
    mac.update(id.as_str().as_bytes());
    mac
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.keys.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring(secrets: &[u8]) -> KeyRing {
        KeyRing::new(secrets.iter().map(|&byte| [byte; 32])).unwrap()
    }

    #[test]
    fn the_first_signs_and_all_verify() {
        let id = SessionId::random().unwrap();
        let old = ring(&[2]).sign("id", &id);
        assert_eq!(ring(&[1, 2]).verify("id", &old), Some((id.clone(), 1)));
        let new = ring(&[1, 2]).sign("id", &id);
        assert_eq!(ring(&[1]).verify("id", &new), Some((id, 0)));
        assert_eq!(ring(&[3]).verify("id", &new), None);
    }

    #[test]
    fn a_value_under_another_name_or_altered_is_nothing() {
        let ring = ring(&[1]);
        let value = ring.sign("id", &SessionId::random().unwrap());
        assert!(ring.verify("id", &value).is_some());
        assert!(ring.verify("other", &value).is_none());
        for at in [0, 10, 33, 60] {
            let mut altered = value.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert!(ring.verify("id", std::str::from_utf8(&altered).unwrap()).is_none(), "{at}");
        }
    }

    #[test]
    fn short_and_missing_secrets_are_refused_and_none_is_shown() {
        assert!(KeyRing::new([b"short"]).is_err());
        assert!(KeyRing::new(Vec::<String>::new()).is_err());
        assert_eq!(format!("{:?}", ring(&[7])), "KeyRing { keys: 1 }");
    }

    proptest! {
        #[test]
        fn nothing_a_client_sends_panics_or_passes(value in ".{0,120}") {
            prop_assert!(ring(&[1]).verify("id", &value).is_none());
        }
    }
}
