use crate::hex::hex;
use sha2::{Digest, Sha256};
use std::{borrow::Cow, sync::Arc};

/// The longest key that is part of a name as it is, in bytes.
const MAX_KEY: usize = 256;

/// The key of a value in a [`Cache`](crate::cache::Cache): text, a number, bytes, or a pair of keys.
///
/// Two values that are different have different keys. A key may be of any length; in Redis a long one is its SHA-256.
///
/// ```
/// use axum_upstash::cache::CacheKey;
/// use std::borrow::Cow;
///
/// struct ProductId(u64);
///
/// impl CacheKey for ProductId {
///     fn cache_key(&self) -> Cow<'_, str> {
///         self.0.to_string().into()
///     }
/// }
/// # assert_eq!((ProductId(1), "de").cache_key(), "1:1de");
/// ```
pub trait CacheKey {
    /// The key as text.
    fn cache_key(&self) -> Cow<'_, str>;
}

impl CacheKey for str {
    fn cache_key(&self) -> Cow<'_, str> {
        self.into()
    }
}

impl CacheKey for String {
    fn cache_key(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
}

/// In hexadecimal.
impl CacheKey for [u8] {
    fn cache_key(&self) -> Cow<'_, str> {
        hex(self).into()
    }
}

/// In hexadecimal.
impl CacheKey for Vec<u8> {
    fn cache_key(&self) -> Cow<'_, str> {
        hex(self).into()
    }
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(
            impl CacheKey for $type {
                fn cache_key(&self) -> Cow<'_, str> {
                    self.to_string().into()
                }
            }
        )*
    };
}

numbers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, bool, char);

impl<T: CacheKey + ?Sized> CacheKey for &T {
    fn cache_key(&self) -> Cow<'_, str> {
        (**self).cache_key()
    }
}

impl<T: CacheKey + ?Sized> CacheKey for Arc<T> {
    fn cache_key(&self) -> Cow<'_, str> {
        (**self).cache_key()
    }
}

/// With the length of the first one in front, so that no other pair has the same text.
impl<A: CacheKey, B: CacheKey> CacheKey for (A, B) {
    fn cache_key(&self) -> Cow<'_, str> {
        let (first, second) = (self.0.cache_key(), self.1.cache_key());
        format!("{}:{first}{second}", first.len()).into()
    }
}

/// The name of a key: the key itself, or its hash if it is long or looks like one.
pub(super) fn name<'a>(key: &'a (impl CacheKey + ?Sized)) -> Cow<'a, str> {
    let key = key.cache_key();
    if key.len() > MAX_KEY || key.starts_with('#') {
        format!("#{}", hex(&Sha256::digest(key.as_bytes()))).into()
    } else {
        key
    }
}

/// A tag as it is stored: without spaces and line ends, and not longer than a hash.
pub(super) fn tag(tag: &str) -> Box<str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    if !tag.is_empty() && tag.len() <= 64 && tag.bytes().all(is_plain) {
        return tag.into();
    }
    format!("#{}", hex(&Sha256::digest(tag.as_bytes()))).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_bounded() {
        assert_eq!(name("a b"), "a b");
        let long = ["x".repeat(257), "x".repeat(258), "#".to_owned()];
        let names = [name(&long[0]), name(&long[1]), name(&long[2])];
        assert!(names.iter().all(|name| name.len() == 65) && names[0] != names[1]);
        assert_ne!(name(&names[0].to_string()), names[0], "no key has the name of another one's hash");
        assert_eq!(name(&(17_u64, "de")), "2:17de");
        assert_eq!(name(&[1_u8, 255][..]), "01ff");
        assert_eq!((&*tag("product:1"), tag("").len(), tag("a b").len()), ("product:1", 65, 65));
    }

    proptest! {
        #[test]
        fn different_keys_have_different_names(a in ("\\PC{0,9}", "\\PC{0,9}"), b in ("\\PC{0,9}", "\\PC{0,9}")) {
            let pairs = [(a.0.as_str(), a.1.as_str()), (b.0.as_str(), b.1.as_str())];
            prop_assert_eq!(name(&pairs[0]) == name(&pairs[1]), a == b);
            prop_assert_eq!(tag(&a.0) == tag(&b.0), a.0 == b.0);
        }
    }
}
