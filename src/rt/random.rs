use crate::{Error, ErrorKind};

/// Random bytes from the operating system.
///
/// # Errors
/// If the system has no source of randomness. No fallback would be safe for a session id.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = "the operating system has no source of randomness";
        Error::new(ErrorKind::Configuration, message).with_source(error.to_string())
    })?;
    Ok(bytes)
}

/// An id of `2 * N` hexadecimal digits.
#[cfg(any(feature = "cache", feature = "ratelimit", feature = "workflow", feature = "kafka", feature = "rig-0_44"))]
pub(crate) fn random_id<const N: usize>() -> Result<String, Error> {
    random_bytes::<N>().map(|bytes| crate::hex::hex(&bytes))
}

/// A random number for jitter. It is not for secrets: without a source of randomness it is a constant.
pub(crate) fn random_u64() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<16>().unwrap(), random_bytes::<16>().unwrap());
    }
}
