//! The payload of an entry: the bytes of a value, compressed if they are many.

use bytes::Bytes;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};

/// The longest payload that is read, in bytes: the longest record of Upstash. A short entry could stand for more than memory
/// has.
const MAX_LENGTH: usize = 100 * 1024 * 1024;
/// The quickest level: a value is compressed on the way of a request.
const LEVEL: u8 = 1;

/// The form of a payload. Its number is part of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// DEFLATE ([RFC 1951](https://www.rfc-editor.org/rfc/rfc1951)).
    Deflate,
}

impl Form {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Plain => 0,
            Self::Deflate => 1,
        }
    }

    /// `None` is a form of a later version.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        [Self::Plain, Self::Deflate].into_iter().find(|form| form.number() == number)
    }

    /// The bytes of the value; `None` if the payload is cut, corrupt, or too long.
    pub(super) fn read(self, payload: &Bytes) -> Option<Bytes> {
        match self {
            Self::Plain => Some(payload.clone()),
            Self::Deflate => decompress_to_vec_with_limit(payload, MAX_LENGTH).ok().map(Into::into),
        }
    }
}

/// The payload of a value, compressed if it is longer than `above` and becomes shorter by that.
pub(super) fn write(value: Bytes, above: usize) -> (Form, Bytes) {
    if value.len() > above {
        let compressed = compress_to_vec(&value, LEVEL);
        if compressed.len() < value.len() {
            return (Form::Deflate, compressed.into());
        }
    }
    (Form::Plain, value)
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
            prop_assert!(payload.len() <= value.len());
            prop_assert!(form == Form::Plain || value.len() > above);
            prop_assert_eq!(Form::of_number(form.number()), Some(form));
            prop_assert_eq!(form.read(&payload), Some(value));
        }

        #[test]
        fn any_bytes_are_read_or_not(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::Deflate.read(&payload.into());
        }
    }

    #[test]
    fn a_payload_that_is_cut_or_would_fill_memory_is_none() {
        let (form, payload) = write(vec![7; 10_000].into(), 100);
        assert_eq!(form, Form::Deflate);
        assert_eq!(form.read(&payload.slice(..payload.len() - 1)), None);
        let (form, payload) = write(vec![7; MAX_LENGTH + 1].into(), 100);
        assert!(payload.len() < 1024 * 1024, "{} bytes", payload.len());
        assert_eq!(form.read(&payload), None);
        assert_eq!(Form::of_number(2), None);
    }
}
