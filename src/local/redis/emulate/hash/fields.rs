use bytes::Bytes;

use crate::local::redis::{command::Command, emulate::arguments::integer};

pub(super) const NOT_POSITIVE: &str = "ERR Number of fields must be a positive integer";
const MISSING: &str = "ERR Mandatory argument FIELDS is missing or not at the right position";
const MISMATCH: &str = "ERR The `numfields` parameter must match the number of arguments";

/// The fields of `FIELDS count field…` from `index` to the end; `not_positive` is the error for the count.
pub(super) fn fields<'a>(
    command: &'a Command,
    index: usize,
    not_positive: &'static str,
) -> Result<&'a [Bytes], &'static str> {
    if command.word(index) != "FIELDS" {
        return Err(MISSING);
    }
    let count = command.arguments.get(index + 1).and_then(integer).filter(|count| *count > 0).ok_or(not_positive)?;
    let fields = command.arguments.get(index + 2..).unwrap_or_default();
    if usize::try_from(count) != Ok(fields.len()) {
        return Err(MISMATCH);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_fields() {
        let of = |line: &str| {
            let words: Vec<_> = line.split(' ').collect();
            fields(&Command::of(&words), 0, NOT_POSITIVE).map(<[_]>::len)
        };
        assert_eq!(of("fields 2 a b"), Ok(2));
        assert_eq!(of("FIELD 1 a"), Err(MISSING));
        assert_eq!(of("FIELDS"), Err(NOT_POSITIVE));
        assert_eq!(of("FIELDS 0 a"), Err(NOT_POSITIVE));
        assert_eq!(of("FIELDS x a"), Err(NOT_POSITIVE));
        assert_eq!(of("FIELDS 1"), Err(MISMATCH));
        assert_eq!(of("FIELDS 1 a b"), Err(MISMATCH));
    }
}
