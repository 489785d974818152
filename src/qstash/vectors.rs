//! Tokens made by other implementations (jose, PyJWT), and what becomes of each when one thing about it is changed.

use super::{
    KeyUsed, Receiver,
    SignatureError::{self, *},
    signer::Signer,
};
use crate::Clock;

// The public keys of the QStash development server.
pub(super) const CURRENT: &str = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r";
pub(super) const NEXT: &str = "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs";
pub(super) const URL: &str = "https://example.com/api/hook?x=1";
pub(super) const BODY: &[u8] = br#"{"hello":"world"}"#;
pub(super) const ISSUED_AT: u64 = 1_767_225_600;
pub(super) const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

pub(super) const V1: [&str; 2] = [
    "eyJhdWQiOiIiLCJib2R5IjoiazZJNWNha1U1ZXJMOEtqU1VWVE5vd25Ed2NjdnU1a1UxSHhnODh0b0ZZZz0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc2NzIyNTYwMCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF92ZWN0b3JfMSIsIm5iZiI6LTYyMTM1NTk2ODAwLCJzdWIiOiJodHRwczovL2V4YW1wbGUuY29tL2FwaS9ob29rP3g9MSJ9",
    "BJLHnMq0tEMn9Z_5Z5zgjJEEw7cSGeW5IYD_yHd1qj8",
];
pub(super) const V2: [&str; 2] = [
    "eyJhdWQiOiIiLCJib2R5IjoiazZJNWNha1U1ZXJMOEtqU1VWVE5vd25Ed2NjdnU1a1UxSHhnODh0b0ZZZz0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc2NzIyNTYwMCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF92ZWN0b3JfMiIsIm5iZiI6LTYyMTM1NTk2ODAwLCJzdWIiOiJodHRwczovL2V4YW1wbGUuY29tL2FwaS9ob29rP3g9MSJ9",
    "fWmyEU9C2_MnLE391dAupLaE74x7cHcLbPIQlmTvBSU",
];
pub(super) const V3: [&str; 2] = [
    "eyJib2R5IjoiazZJNWNha1U1ZXJMOEtqU1VWVE5vd25Ed2NjdnU1a1UxSHhnODh0b0ZZZyIsImV4cCI6NDEwMjQ0NDgwMCwiaWF0IjoxNzY3MjI1NjAwLCJpc3MiOiJVcHN0YXNoIiwianRpIjoiand0X3ZlY3Rvcl8zIiwibmJmIjoxNzY3MjI1NjAwLCJzdWIiOiJodHRwczovL2V4YW1wbGUuY29tL2FwaS9ob29rP3g9MSJ9",
    "WEjmvRo1Jvi5XjqtkU55q6D3tojPQkl9r0tMLGcUppI",
];
pub(super) const V4: [&str; 2] = [
    "eyJhdWQiOiIiLCJib2R5IjoiNDdERVFwajhIQlNhLV9USW1XLTVKQ2V1UWVSa201Tk1wSldaRzNoU3VGVT0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc2NzIyNTYwMCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF92ZWN0b3JfNCIsIm5iZiI6LTYyMTM1NTk2ODAwLCJzdWIiOiJodHRwczovL2V4YW1wbGUuY29tL2FwaS9ob29rP3g9MSJ9",
    "ehQR0m5QbCWE_NhD3hAWbOTkga8Yqqh20TqSHnMu2RE",
];
pub(super) const V5: [&str; 2] = [
    "eyJhdWQiOiIiLCJib2R5IjoicjV6dDNKMkxDS3dKNFpsTF9TQkZtMTQzZENYZmMxVGZ6alVCbVNnb3BiYz0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc2NzIyNTYwMCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF92ZWN0b3JfNSIsIm5iZiI6LTYyMTM1NTk2ODAwLCJzdWIiOiJodHRwczovL2V4YW1wbGUuY29tL2FwaS9ob29rP3g9MSJ9",
    "NCaz6wi7PUem19kBvmw48NtqD4kk1pVUcCgXIuLPdi4",
];
pub(super) const V6: [&str; 2] = [
    "eyJhdWQiOiIiLCJib2R5IjoiazZJNWNha1U1ZXJMOEtqU1VWVE5vd25Ed2NjdnU1a1UxSHhnODh0b0ZZZz0iLCJleHAiOjE3NjcyMjU5MDAsImlhdCI6MTc2NzIyNTYwMCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF92ZWN0b3JfNiIsIm5iZiI6LTYyMTM1NTk2ODAwLCJzdWIiOiJodHRwczovL2V4YW1wbGUuY29tL2FwaS9ob29rP3g9MSJ9",
    "PKFS4c9oh2KPxSk1_fkYfMQS2BkwxhBxsFLaH1eNFMg",
];
pub(super) const V7: [&str; 2] = [
    "eyJhdWQiOiIiLCJib2R5IjoiazZJNWNha1U1ZXJMOEtqU1VWVE5vd25Ed2NjdnU1a1UxSHhnODh0b0ZZZz0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc2NzIyNTYwMCwiaXNzIjoidXBzdGFzaCIsImp0aSI6Imp3dF92ZWN0b3JfNyIsIm5iZiI6LTYyMTM1NTk2ODAwLCJzdWIiOiJodHRwczovL2V4YW1wbGUuY29tL2FwaS9ob29rP3g9MSJ9",
    "3va0J4AmGCBZBndsU4Hk0xZkdMdRGfLFC-5zjUH9bXE",
];
pub(super) const V8: [&str; 2] = [
    "eyJhdWQiOiIiLCJib2R5IjoiazZJNWNha1U1ZXJMOEtqU1VWVE5vd25Ed2NjdnU1a1UxSHhnODh0b0ZZZz0iLCJleHAiOjQxMDI0NDQ4MDAsImlhdCI6MTc2NzIyNTYwMCwiaXNzIjoiVXBzdGFzaCIsImp0aSI6Imp3dF92ZWN0b3JfOCIsIm5iZiI6NDEwMjQ0NDcwMCwic3ViIjoiaHR0cHM6Ly9leGFtcGxlLmNvbS9hcGkvaG9vaz94PTEifQ",
    "aRHYCZ0DWTRhplbGYyC-y2W1ONywh8XhDIFOA9iujK8",
];

pub(super) fn vector([payload, tag]: [&str; 2]) -> String {
    format!("{HEADER}.{payload}.{tag}")
}

pub(super) fn at(unix_seconds: u64) -> Clock {
    Clock::manual(crate::rt::from_unix_ms(unix_seconds * 1000)).0
}

/// A day after the vectors were issued: past the end of V6.
pub(super) fn receiver() -> Receiver {
    Receiver::new(CURRENT, NEXT).unwrap().with_clock(at(ISSUED_AT + 86_400))
}

pub(super) fn signer() -> Signer {
    Signer::new(CURRENT).unwrap().with_clock(at(ISSUED_AT))
}

pub(super) fn just_issued() -> Receiver {
    receiver().with_clock(at(ISSUED_AT))
}

#[test]
fn tokens_of_other_implementations() {
    let accepted: [([&str; 2], &[u8], KeyUsed); 5] = [
        (V1, BODY, KeyUsed::Current),
        (V2, BODY, KeyUsed::Next),
        (V3, BODY, KeyUsed::Current),
        (V4, b"", KeyUsed::Current),
        (V5, b"\xff\x00\xfe", KeyUsed::Current),
    ];
    for (number, (token, body, key)) in (1..).zip(accepted) {
        let claims = receiver().verify_for_url(&vector(token), body, URL).unwrap_or_else(|e| panic!("V{number}: {e}"));
        assert_eq!(claims.key, key, "V{number}");
        assert_eq!(claims.subject, URL);
        assert_eq!(claims.issuer, "Upstash");
        assert_eq!(claims.expires_at, 4_102_444_800);
        assert_eq!(claims.issued_at, Some(1_767_225_600));
        assert_eq!(claims.not_before, Some(if number == 3 { 1_767_225_600 } else { -62_135_596_800 }));
        assert_eq!(claims.token_id.unwrap(), format!("jwt_vector_{number}"));
    }
    let refused: [(u8, [&str; 2], SignatureError); 3] = [(6, V6, Expired), (7, V7, Issuer), (8, V8, NotYetValid)];
    for (number, token, error) in refused {
        assert_eq!(receiver().verify_for_url(&vector(token), BODY, URL), Err(error), "V{number}");
    }
}

#[test]
fn the_signer_writes_what_other_implementations_write() {
    let like_v1 = signer().with_claim("exp", 4_102_444_800_u64).with_claim("jti", "jwt_vector_1");
    assert_eq!(like_v1.sign(URL, BODY), vector(V1));
}

#[test]
fn swapped_keys_still_verify_and_other_keys_do_not() {
    let swapped = receiver_of(NEXT, CURRENT);
    assert_eq!(swapped.verify(&vector(V1), BODY).unwrap().key, KeyUsed::Next);
    assert_eq!(swapped.verify(&vector(V2), BODY).unwrap().key, KeyUsed::Current);
    let bare = CURRENT.strip_prefix("sig_").unwrap();
    for other in [bare, "sig_other"] {
        assert_eq!(receiver_of(other, other).verify(&vector(V1), BODY), Err(BadSignature));
    }
}

fn receiver_of(current: &str, next: &str) -> Receiver {
    Receiver::new(current, next).unwrap().with_clock(at(ISSUED_AT))
}

#[test]
fn another_body_or_url_is_not_what_was_signed() {
    for body in [br#"{"hello": "world"}"#.as_slice(), b"", b"{\"hello\":\"world\"}\n"] {
        assert_eq!(receiver().verify(&vector(V1), body), Err(BodyHash));
    }
    for url in [
        "https://example.com/api/hook",
        "https://example.com/api/hook/?x=1",
        "https://example.com/api/hook?x=1/",
        "http://example.com/api/hook?x=1",
        "https://EXAMPLE.com/api/hook?x=1",
        "",
    ] {
        assert_eq!(receiver().verify_for_url(&vector(V1), BODY, url), Err(Subject), "{url}");
    }
}

#[test]
fn no_character_can_be_changed() {
    let token = vector(V1);
    for position in 0..token.len() {
        for replacement in ['A', 'B', '.', '=', '+', '\u{e9}'] {
            let mut changed = token.clone();
            changed.replace_range(position..=position, replacement.encode_utf8(&mut [0; 4]));
            if changed != token {
                assert!(receiver().verify(&changed, BODY).is_err(), "{position} {replacement}");
            }
        }
    }
    let mut middle = token.clone();
    let position = token.rfind('.').unwrap() + 20;
    let replacement = if &token[position..=position] == "A" { "B" } else { "A" };
    middle.replace_range(position..=position, replacement);
    assert_eq!(receiver().verify(&middle, BODY), Err(BadSignature));
}

#[test]
fn the_last_character_of_the_mac_has_one_spelling() {
    // 32 bytes leave two bits of the 43rd character unused: a lenient decoder reads `8`, `9`, `-` and `_` alike.
    let token = vector(V1);
    let stem = token.strip_suffix('8').unwrap();
    for last in ["9", "-", "_", "8=", "8A", ""] {
        assert!(receiver().verify(&format!("{stem}{last}"), BODY).is_err(), "{last}");
    }
}
