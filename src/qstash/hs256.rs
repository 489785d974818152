use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm,
    crypto::JwtVerifier,
    signature::{Error, Verifier},
};
use sha2::Sha256;

/// HS256 (RFC 7518 3.2) with one signing key.
///
/// It is called directly. The functions of `jsonwebtoken` that look for a process-wide provider panic when feature
/// unification turned on none or both of its back ends.
#[derive(Clone)]
pub(super) struct Hs256(Hmac<Sha256>);

impl Hs256 {
    pub(super) fn new(key: &str) -> Result<Self, Error> {
        // The whole `sig_...` text is the key: nothing is stripped or decoded.
        Hmac::new_from_slice(key.as_bytes()).map(Self).map_err(Error::from_source)
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), Error> {
        self.0.clone().chain_update(message).verify_slice(tag).map_err(Error::from_source)
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(any(test, feature = "testing"))]
impl jsonwebtoken::signature::Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.tag(message))
    }
}

#[cfg(any(test, feature = "testing"))]
impl jsonwebtoken::crypto::JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(any(test, feature = "testing"))]
impl Hs256 {
    pub(super) fn tag(&self, message: &[u8]) -> Vec<u8> {
        self.0.clone().chain_update(message).finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::signature::Signer;

    // RFC 4231, test case 2.
    const TAG: [u8; 32] = [
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00,
        0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
    ];

    #[test]
    fn is_hmac_with_sha_256() {
        let key = Hs256::new("Jefe").unwrap();
        let message = b"what do ya want for nothing?";
        assert_eq!(key.try_sign(message).unwrap(), TAG);
        assert!(key.verify(message, &TAG.to_vec()).is_ok());
        assert!(key.verify(b"what do ya want for nothing!", &TAG.to_vec()).is_err());
        assert!(key.verify(message, &TAG[..31].to_vec()).is_err());
        assert!(key.verify(message, &Vec::new()).is_err());
    }
}
