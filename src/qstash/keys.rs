use super::{KeyUsed, SignatureError, hs256::Hs256};
use crate::{Error, ErrorKind, problems::Problems};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, crypto::JwtVerifier, errors::ErrorKind as TokenErrorKind, signature::Verifier};

/// A real token has some 400 bytes, most of it the URL, of which a character may take eight.
const MAX_TOKEN: usize = 64 * 1024;

/// The pair of keys that verifies.
#[derive(Clone)]
pub(super) struct Keys {
    current: Hs256,
    next: Hs256,
}

impl Keys {
    /// Each key with what it is called in errors.
    pub(super) fn named(current: (&str, &str), next: (&str, &str), problems: &mut Problems) -> Option<Self> {
        let current = problems.note(signing_key(current.0, current.1));
        let next = problems.note(signing_key(next.0, next.1));
        Some(Self { current: current?, next: next? })
    }

    /// The key that made the signature of a token.
    pub(super) fn matching(&self, token: &str) -> Result<KeyUsed, SignatureError> {
        if token.is_empty() {
            return Err(SignatureError::Missing);
        }
        if token.len() > MAX_TOKEN || token.bytes().filter(|byte| *byte == b'.').count() != 2 {
            return Err(SignatureError::Malformed);
        }
        check_algorithm(token, self.current.algorithm())?;
        let (message, tag) = token.rsplit_once('.').ok_or(SignatureError::Malformed)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| SignatureError::Malformed)?;
        // The next key only if the MAC does not match: an expired token of the current key has expired.
        if self.current.verify(message.as_bytes(), &tag).is_ok() {
            Ok(KeyUsed::Current)
        } else if self.next.verify(message.as_bytes(), &tag).is_ok() {
            Ok(KeyUsed::Next)
        } else {
            Err(SignatureError::BadSignature)
        }
    }
}

fn check_algorithm(token: &str, expected: Algorithm) -> Result<(), SignatureError> {
    match jsonwebtoken::decode_header(token) {
        Ok(header) if header.alg == expected => Ok(()),
        Ok(_) => Err(SignatureError::Algorithm),
        Err(error) => Err(match error.kind() {
            // JSON that is no header for us: `none`, another unknown name, or no `alg` at all.
            TokenErrorKind::Json(error) if error.is_data() => SignatureError::Algorithm,
            _ => SignatureError::Malformed,
        }),
    }
}

/// The key, with errors that call it `name`.
pub(super) fn signing_key(name: &str, key: &str) -> Result<Hs256, Error> {
    let problem = |what: &str| Error::new(ErrorKind::Configuration, format!("{name} {what}"));
    if key.is_empty() {
        return Err(problem("is empty"));
    }
    if key.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
        return Err(problem("contains white space or quotes"));
    }
    Hs256::new(key).map_err(|error| problem("cannot be used").with_source(error))
}
