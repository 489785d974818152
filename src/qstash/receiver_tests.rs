use super::{
    Receiver,
    SignatureError::{self, *},
    hs256::Hs256,
    signer::{Signer, token},
    vectors::{BODY, CURRENT, HEADER, ISSUED_AT, NEXT, URL, V1, at, just_issued, receiver, signer, vector},
};
use crate::{Clock, Error, ErrorKind};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

#[test]
fn only_hs256_is_accepted_whatever_the_mac() {
    for algorithm in ["none", "None", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA", "hs256", ""] {
        let token = signer().with_algorithm_header(algorithm).sign(URL, BODY);
        assert_eq!(just_issued().verify(&token, BODY), Err(Algorithm), "{algorithm}");
    }
    let key = Hs256::new(CURRENT).unwrap();
    for (header, error) in [
        (json!({}), Algorithm),
        (json!({"typ": "JWT"}), Algorithm),
        (json!({"alg": null}), Malformed),
        (json!({"alg": ["HS256"]}), Malformed),
        (json!(null), Algorithm),
    ] {
        assert_eq!(just_issued().verify(&token(&key, &header, &json!({})), BODY), Err(error), "{header}");
    }
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", V1[0]);
    assert_eq!(receiver().verify(&unsigned, BODY), Err(Algorithm));
}

#[test]
fn other_members_of_the_header_do_not_matter() {
    let key = Hs256::new(CURRENT).unwrap();
    let claims: Value = jsonwebtoken::dangerous::insecure_decode_claims(signer().sign(URL, BODY)).unwrap();
    for header in [json!({"alg": "HS256"}), json!({"alg": "HS256", "typ": "at+jwt", "kid": "1"})] {
        assert!(just_issued().verify(&token(&key, &header, &claims), BODY).is_ok(), "{header}");
    }
}

#[test]
fn a_token_ends_at_its_time_plus_the_tolerance() {
    let token = signer().sign(URL, BODY);
    let end = (ISSUED_AT + 300) * 1000;
    for (now_ms, tolerance_ms, error) in [
        (end - 1, 0, None),
        (end, 0, Some(Expired)),
        (end, 1, None),
        (end + 4_999, 5_000, None),
        (end + 5_000, 5_000, Some(Expired)),
        (u64::MAX, 5_000, Some(Expired)),
    ] {
        let receiver = off_by(now_ms, tolerance_ms);
        assert_eq!(receiver.verify(&token, BODY).err(), error, "{now_ms} {tolerance_ms}");
    }
    assert!(receiver().with_clock_tolerance(Duration::MAX).verify(&token, BODY).is_ok());
}

#[test]
fn a_token_begins_at_its_time_less_the_tolerance() {
    let token = signer().with_claim("nbf", ISSUED_AT).sign(URL, BODY);
    let begin = ISSUED_AT * 1000;
    for (now_ms, tolerance_ms, error) in [
        (begin, 0, None),
        (begin - 1, 0, Some(NotYetValid)),
        (begin - 5_000, 5_000, None),
        (begin - 5_001, 5_000, Some(NotYetValid)),
    ] {
        let receiver = off_by(now_ms, tolerance_ms);
        assert_eq!(receiver.verify(&token, BODY).err(), error, "{now_ms} {tolerance_ms}");
    }
}

fn off_by(now_ms: u64, tolerance_ms: u64) -> Receiver {
    receiver()
        .with_clock(Clock::manual(crate::rt::from_unix_ms(now_ms)).0)
        .with_clock_tolerance(Duration::from_millis(tolerance_ms))
}

#[test]
fn an_expired_token_is_not_called_a_bad_signature() {
    assert_eq!(receiver().verify(&signer().sign(URL, BODY), BODY), Err(Expired));
    let next = Signer::new(NEXT).unwrap().with_clock(at(ISSUED_AT)).sign(URL, BODY);
    assert_eq!(receiver().verify(&next, BODY), Err(Expired));
}

#[test]
fn claims_of_every_shape() {
    let now = 1_767_225_600.0;
    let cases: Vec<(&str, Value, Result<(), SignatureError>)> = vec![
        ("exp", json!(now + 0.5), Ok(())),
        ("exp", json!(now - 0.5), Err(Expired)),
        ("exp", json!(u64::MAX), Ok(())),
        ("exp", json!(1e300), Ok(())),
        ("exp", json!(-1e300), Err(Expired)),
        ("exp", json!(i64::MIN), Err(Expired)),
        ("exp", json!("4102444800"), Err(Malformed)),
        ("exp", json!(null), Err(Malformed)),
        ("nbf", json!(null), Ok(())),
        ("nbf", json!(0), Ok(())),
        ("nbf", json!(-6.213_559_68e10), Ok(())),
        ("nbf", json!(1e300), Err(NotYetValid)),
        ("nbf", json!("0"), Err(Malformed)),
        ("iss", json!("upstash"), Err(Issuer)),
        ("iss", json!("Upstash "), Err(Issuer)),
        ("iss", json!(["Upstash"]), Err(Issuer)),
        ("sub", json!(7), Err(Subject)),
        ("aud", json!("https://example.com"), Ok(())),
        ("aud", json!(["a", "b"]), Ok(())),
        ("iat", json!("yesterday"), Ok(())),
        ("jti", json!(0.123_456), Ok(())),
        ("jti", json!({"a": 1}), Ok(())),
        ("body", json!("k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg=="), Ok(())),
        ("body", json!("k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFY"), Err(BodyHash)),
        ("body", json!("=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg"), Err(BodyHash)),
        ("body", json!(""), Err(BodyHash)),
        ("body", json!(null), Err(BodyHash)),
        ("more", json!([1, 2, 3]), Ok(())),
    ];
    for (claim, value, expected) in cases {
        let token = signer().with_claim(claim, value.clone()).sign(URL, BODY);
        assert_eq!(just_issued().verify_for_url(&token, BODY, URL).map(drop), expected, "{claim} {value}");
    }
    for (claim, expected) in [
        ("exp", Err(Malformed)),
        ("iss", Err(Issuer)),
        ("sub", Err(Subject)),
        ("body", Err(BodyHash)),
        ("nbf", Ok(())),
        ("iat", Ok(())),
        ("jti", Ok(())),
        ("aud", Ok(())),
    ] {
        let token = signer().without_claim(claim).sign(URL, BODY);
        assert_eq!(just_issued().verify_for_url(&token, BODY, URL).map(drop), expected, "without {claim}");
    }
}

#[test]
fn claims_that_are_no_object_are_malformed() {
    let key = Hs256::new(CURRENT).unwrap();
    for claims in [json!(null), json!([]), json!(["Upstash", "x", 1]), json!("Upstash"), json!(1), json!(true)] {
        let token = token(&key, &json!({"alg": "HS256"}), &claims);
        assert_eq!(receiver().verify(&token, BODY), Err(Malformed), "{claims}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let long = format!("{HEADER}.{}.{}", "A".repeat(70_000), V1[1]);
    let four = format!("{}.", vector(V1));
    let padded = format!("{}=", vector(V1));
    let two = format!("{HEADER}.{}", V1[0]);
    for token in [".", "..", "...", "a.b.c", " ", "Bearer x", &long, &four, &padded, &two, "\u{1f600}.\u{1f600}.x"] {
        assert_eq!(receiver().verify(token, BODY), Err(Malformed), "{token}");
    }
    assert_eq!(receiver().verify("", BODY), Err(Missing));
}

#[test]
fn without_keys_nothing_verifies() {
    let reason = Error::new(ErrorKind::Configuration, "QSTASH_CURRENT_SIGNING_KEY is not set");
    assert_eq!(Receiver::not_configured(reason).verify(&vector(V1), BODY), Err(NoKeys));
}

#[test]
fn keys_are_checked_and_never_shown() {
    for (current, next, name) in [
        ("", NEXT, "current"),
        (CURRENT, "", "next"),
        ("\"sig_secret\"", NEXT, "current"),
        (CURRENT, "sig_a b", "next"),
    ] {
        let error = Receiver::new(current, next).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(name), "{error}");
        assert!(!format!("{error} {error:?}").contains("sig_"), "{error:?}");
    }
    let shown = format!("{:?} {:?}", receiver(), signer());
    assert!(!shown.contains("sig_") && shown.contains("REDACTED"), "{shown}");
}

#[test]
fn a_public_url_is_a_plain_address() {
    for url in ["https://app.example.com", "https://app.example.com/", "http://localhost:3000/base"] {
        assert!(receiver().try_with_public_url(url).is_ok(), "{url}");
    }
    for url in ["", "app.example.com", "ftp://a.example.com", "https://", "https://a?b", "https://a#b", "https://a b"] {
        assert!(receiver().try_with_public_url(url).is_err(), "{url}");
    }
}

proptest! {
    #[test]
    fn garbage_is_refused_without_a_panic(token in ".{0,200}", body: Vec<u8>) {
        prop_assert!(receiver().verify(&token, &body).is_err());
    }

    #[test]
    fn garbage_in_three_parts_is_refused_without_a_panic(
        header in "[A-Za-z0-9_=-]{0,40}",
        payload in "[A-Za-z0-9_=-]{0,80}",
        tag in "[A-Za-z0-9_=-]{40,46}",
    ) {
        for header in [header.as_str(), HEADER] {
            let token = format!("{header}.{payload}.{tag}");
            prop_assert!(receiver().verify(&token, BODY).is_err());
        }
    }

    #[test]
    fn any_body_and_url_verify_as_signed(body: Vec<u8>, url in "\\PC{1,60}") {
        let token = signer().sign(&url, &body);
        prop_assert!(just_issued().verify_for_url(&token, &body, &url).is_ok());
        let mut other = body;
        other.push(0);
        prop_assert_eq!(just_issued().verify(&token, &other), Err(BodyHash));
    }
}
