use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1).
pub(in crate::local) fn bearer(headers: &HeaderMap) -> Option<&str> {
    of_scheme(headers, "bearer")
}

/// User and password of `Authorization: Basic` (RFC 7617, section 2).
pub(in crate::local) fn basic(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let credentials = BASE64_STANDARD.decode(of_scheme(headers, "basic")?).ok()?;
    let colon = credentials.iter().position(|byte| *byte == b':')?;
    Some((String::from_utf8(credentials[..colon].to_owned()).ok()?, credentials[colon + 1..].to_owned()))
}

fn of_scheme<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| credentials.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_of_their_scheme() {
        let of = |value: &'static str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(bearer(&of("bearer  token ")), Some("token"));
        assert_eq!(basic(&of("Basic dXNlcjpwYXNzOndvcmQ=")), Some(("user".to_owned(), b"pass:word".to_vec())));
        for other in ["token", "Basic", "Basic dXNlcg==", "Basic %%%", "Basic /zo=", "Digest dXNlcjpw"] {
            assert_eq!((bearer(&of(other)), basic(&of(other))), (None, None), "{other}");
        }
    }
}
