use std::fmt;

/// Text that must not be printed.
#[derive(Clone)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// 128 random bits in hexadecimal digits.
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{:032x}", u128::from_ne_bytes(bytes))))
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a header can carry it: one or more visible ASCII characters.
    pub(super) fn is_valid(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Compares in a time that depends on the lengths only.
    pub(super) fn matches(&self, candidate: &[u8]) -> bool {
        let secret = self.0.as_bytes();
        let difference = secret.iter().zip(candidate).fold(0, |sum, (a, b)| sum | std::hint::black_box(a ^ b));
        secret.len() == candidate.len() && difference == 0
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn matches_the_same_bytes_only() {
        let secret = Secret::new("token");
        assert!(secret.matches(b"token"));
        for other in ["", "t", "tokem", "token2", "Token"] {
            assert!(!secret.matches(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn random_ones_differ_and_are_not_printed() {
        let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(a.expose(), b.expose());
        assert_eq!(a.expose().len(), 32);
        assert_eq!(format!("{a:?}"), "REDACTED");
    }
}
