//! Arrays (`AR*`): values by index, from 0 to 2^64-2, most of which may be empty. Upstash, and Redis 8.8.

use super::{ArGrep, ArInfo, ArOp, ArrayIndex, commands};
use crate::redis::ToArg;

commands! {
    /// `ARSET`: writes values from an index on, and returns how many of the places were empty.
    write "ARSET" arset(key: impl ToArg, index: u64, values: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(index).arg(values)
    }

    /// `ARMSET`: writes indexes and values, and returns how many of the places were empty.
    write "ARMSET" armset(key: impl ToArg, values: impl IntoIterator<Item = (u64, impl ToArg)>) -> u64 {
        |cmd| cmd.key(key).args(values)
    }

    /// `ARGET`: the value at an index, or nil.
    read "ARGET" arget<T>(key: impl ToArg, index: u64) -> T {
        |cmd| cmd.key(key).arg(index)
    }

    /// `ARMGET`: the values at several indexes, nil if a place is empty.
    read "ARMGET" armget<T>(key: impl ToArg, indexes: &[u64]) -> Vec<T> {
        |cmd| cmd.key(key).arg(indexes)
    }

    /// `ARGETRANGE`: the values from one index to another, both included, nil if a place is empty, backwards if the
    /// first index is the higher. At most 1 000 000.
    read "ARGETRANGE" argetrange<T>(key: impl ToArg, start: u64, end: u64) -> Vec<T> {
        |cmd| cmd.key(key).arg(start).arg(end)
    }

    /// `ARSCAN`: the places from one index to another that are not empty, at most `limit`.
    read "ARSCAN" arscan<T>(key: impl ToArg, start: u64, end: u64, limit: Option<u64>) -> Vec<(ArrayIndex, T)> {
        |cmd| cmd.key(key).arg(start).arg(end).arg(limit.map(|limit| ("LIMIT", limit)))
    }

    /// `ARGREP`: the indexes of the values that match.
    read "ARGREP" argrep(key: impl ToArg, search: ArGrep) -> Vec<ArrayIndex> {
        |cmd| search.write(cmd.key(key), false)
    }

    /// `ARGREP … WITHVALUES`: the same, with the values.
    read "ARGREP" argrep_with_values<T>(key: impl ToArg, search: ArGrep) -> Vec<(ArrayIndex, T)> {
        |cmd| search.write(cmd.key(key), true)
    }

    /// `AROP`: one number from all the values between two indexes, or nil; `Option<i64>` if it has to be exact.
    read "AROP" arop<T>(key: impl ToArg, start: u64, end: u64, operation: ArOp) -> T {
        |cmd| cmd.key(key).arg(start).arg(end).arg(operation)
    }

    /// `ARINSERT`: appends values at the cursor, and returns the index of the last.
    write "ARINSERT" arinsert(key: impl ToArg, values: impl ToArg) -> ArrayIndex {
        |cmd| cmd.key(key).arg(values)
    }

    /// `ARRING`: appends values to a ring of `size` places, and returns the index of the last.
    write "ARRING" arring(key: impl ToArg, size: u64, values: impl ToArg) -> ArrayIndex {
        |cmd| cmd.key(key).arg(size).arg(values)
    }

    /// `ARLASTITEMS`: the `count` values that were appended last, in their order.
    read "ARLASTITEMS" arlastitems<T>(key: impl ToArg, count: u64) -> Vec<T> {
        |cmd| cmd.key(key).arg(count)
    }

    /// `ARLASTITEMS … REV`: the same, the last first.
    read "ARLASTITEMS" arlastitems_rev<T>(key: impl ToArg, count: u64) -> Vec<T> {
        |cmd| cmd.key(key).arg(count).arg("REV")
    }

    /// `ARNEXT`: the index at which the next value is appended, or nil.
    read "ARNEXT" arnext(key: impl ToArg) -> Option<ArrayIndex> {
        |cmd| cmd.key(key)
    }

    /// `ARSEEK`: moves the cursor; `false` if there is no such key.
    write "ARSEEK" arseek(key: impl ToArg, index: u64) -> bool {
        |cmd| cmd.key(key).arg(index)
    }

    /// `ARLEN`: one more than the highest index.
    read "ARLEN" arlen(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `ARCOUNT`: how many places are not empty.
    read "ARCOUNT" arcount(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `ARDEL`: empties places, and returns how many were not empty.
    write "ARDEL" ardel(key: impl ToArg, indexes: &[u64]) -> u64 {
        |cmd| cmd.key(key).arg(indexes)
    }

    /// `ARDELRANGE`: empties ranges, both ends included, and returns how many places were not empty.
    write "ARDELRANGE" ardelrange(key: impl ToArg, ranges: &[(u64, u64)]) -> u64 {
        |cmd| cmd.key(key).arg(ranges)
    }

    /// `ARINFO`: the properties of an array.
    read "ARINFO" arinfo(key: impl ToArg) -> Option<ArInfo> {
        |cmd| cmd.key(key)
    }

    /// `ARINFO … FULL`: the same and more, by name.
    read "ARINFO" arinfo_full(key: impl ToArg) -> Option<ArInfo> {
        |cmd| cmd.key(key).arg("FULL")
    }
}
