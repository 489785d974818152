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

/// The length of the first one tells where the second one begins.
impl<A: CacheKey, B: CacheKey> CacheKey for (A, B) {
    fn cache_key(&self) -> Cow<'_, str> {
        let (first, second) = (self.0.cache_key(), self.1.cache_key());
        format!("{}:{first}{second}", first.len()).into()
    }
}

/// The name of a key: the key itself, or its hash if it is long. The two begin differently.
pub(super) fn name(key: &(impl CacheKey + ?Sized)) -> Arc<str> {
    let key = key.cache_key();
    if key.len() > MAX_KEY {
        format!("h:{}", hex(&Sha256::digest(key.as_bytes()))).into()
    } else {
        format!("e:{key}").into()
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
        assert_eq!(&*name("a b"), "e:a b");
        assert_eq!(name(&"x".repeat(257)).len(), 66);
        assert_ne!(name(&"x".repeat(257)), name(&"x".repeat(258)));
        assert_eq!(&*name(&(17_u64, "de")), "e:2:17de");
        assert_eq!(&*name(&[1_u8, 255][..]), "e:01ff");
        assert_eq!((&*tag("product:1"), tag("").len(), tag("a b").len()), ("product:1", 65, 65));
    }

    proptest! {
        #[test]
        fn different_keys_have_different_names(a in ("\\PC{0,9}", "\\PC{0,9}"), b in ("\\PC{0,9}", "\\PC{0,9}")) {
            prop_assert_eq!(name(&a) == name(&b), a == b);
            prop_assert_eq!(tag(&a.0) == tag(&b.0), a.0 == b.0);
        }
    }
}
