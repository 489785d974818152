//! The payload of an entry: the bytes of a value, compressed if they are many.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use bytes::Bytes;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};

/// The longest payload that is read, in bytes: the longest record of Upstash. A short entry could stand for more than memory
/// has.
const MAX_LENGTH: usize = 100 * 1024 * 1024;
/// The quickest level: a value is compressed on the way of a request.
const LEVEL: u8 = 1;

/// The form of a payload. Its number is part of the entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// DEFLATE ([RFC 1951](https://www.rfc-editor.org/rfc/rfc1951)).
    is_compressed: bool,
    /// Base64. Over REST bytes that are no text would be part of the URL.
    is_base64: bool,
}

impl Form {
    pub(super) fn number(self) -> u8 {
        u8::from(self.is_compressed) | u8::from(self.is_base64) << 1
    }

    /// `None` is a form of a later version.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        (number < 4).then_some(Self { is_compressed: number & 1 != 0, is_base64: number & 2 != 0 })
    }

    /// The bytes of the value; `None` if the payload is cut, corrupt, or too long.
    pub(super) fn read(self, payload: &Bytes) -> Option<Bytes> {
        let mut bytes = payload.clone();
        if self.is_base64 {
            bytes = BASE64_STANDARD_NO_PAD.decode(bytes).ok()?.into();
        }
        if self.is_compressed {
            bytes = decompress_to_vec_with_limit(&bytes, MAX_LENGTH).ok()?.into();
        }
        Some(bytes)
    }
}

/// The payload of a value, compressed if it is longer than `above` and becomes shorter by that. It is text.
pub(super) fn write(value: Bytes, above: usize) -> (Form, Bytes) {
    if value.len() > above && value.len() <= MAX_LENGTH {
        let compressed = BASE64_STANDARD_NO_PAD.encode(compress_to_vec(&value, LEVEL));
        if compressed.len() < value.len() {
            return (Form { is_compressed: true, is_base64: true }, compressed.into());
        }
    }
    if std::str::from_utf8(&value).is_ok() {
        return (Form::default(), value);
    }
    (Form { is_base64: true, ..Form::default() }, BASE64_STANDARD_NO_PAD.encode(&value).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_payload_is_read_as_it_was(unit in prop::collection::vec(any::<u8>(), 1..40), times in 1..200_usize, above in 0..500_usize) {
            let value = Bytes::from(unit.repeat(times));
            let (form, payload) = write(value.clone(), above);
            prop_assert!(std::str::from_utf8(&payload).is_ok());
            prop_assert!(!form.is_compressed || value.len() > above && payload.len() < value.len());
            prop_assert_eq!(Form::of_number(form.number()), Some(form));
            prop_assert_eq!(form.read(&payload), Some(value));
        }

        #[test]
        fn any_bytes_are_read_or_not(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let payload = Bytes::from(payload);
            for number in 0..4 {
                let _ = Form::of_number(number).unwrap().read(&payload);
            }
        }
    }

    #[test]
    fn a_payload_that_is_cut_or_would_fill_memory_is_none() {
        let (form, payload) = write(vec![7; 10_000].into(), 100);
        assert!(form.is_compressed);
        assert_eq!(form.read(&payload.slice(..payload.len() - 4)), None);
        let bomb = BASE64_STANDARD_NO_PAD.encode(compress_to_vec(&vec![7; MAX_LENGTH + 1], LEVEL));
        assert!(bomb.len() < 1024 * 1024, "{} bytes", bomb.len());
        assert_eq!(form.read(&bomb.into()), None);
        let (long, payload) = write(vec![7; MAX_LENGTH + 1].into(), 100);
        assert!(!long.is_compressed && payload.len() > MAX_LENGTH, "what could not be read is not compressed");
        assert_eq!(Form::of_number(4), None);
    }
}
