use super::{StreamEntry, StreamReads, TrimOptions, XAddOptions, commands};
use crate::redis::ToArg;

commands! {
    /// `XADD`: appends an entry and returns its id; `"*"` lets the server choose it. Nil if the stream does not exist
    /// and must not be created.
    write "XADD" xadd(
        key: impl ToArg,
        id: impl ToArg,
        fields: impl IntoIterator<Item = (impl ToArg, impl ToArg)>,
        options: XAddOptions,
    ) -> Option<String> {
        |cmd| options.write(cmd.key(key)).arg(id).args(fields)
    }

    /// `XLEN`: how many entries there are.
    read "XLEN" xlen(key: impl ToArg) -> u64 {
        |cmd| cmd.key(key)
    }

    /// `XDEL`: returns how many of the entries there were.
    write "XDEL" xdel(key: impl ToArg, ids: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(ids)
    }

    /// `XTRIM`: deletes the oldest entries and returns how many.
    write "XTRIM" xtrim(key: impl ToArg, trim: TrimOptions) -> u64 {
        |cmd| cmd.key(key).arg(trim)
    }

    /// `XRANGE`: the entries from one id to another, `"-"` and `"+"` for the first and the last.
    read "XRANGE" xrange<T>(key: impl ToArg, start: impl ToArg, end: impl ToArg) -> Vec<StreamEntry<T>> {
        |cmd| cmd.key(key).arg(start).arg(end)
    }

    /// `XRANGE … COUNT`: at most so many.
    read "XRANGE" xrange_count<T>(
        key: impl ToArg, start: impl ToArg, end: impl ToArg, count: u64,
    ) -> Vec<StreamEntry<T>> {
        |cmd| cmd.key(key).arg(start).arg(end).arg("COUNT").arg(count)
    }

    /// `XREVRANGE`: the same from the last, whose id comes first.
    read "XREVRANGE" xrevrange<T>(key: impl ToArg, end: impl ToArg, start: impl ToArg) -> Vec<StreamEntry<T>> {
        |cmd| cmd.key(key).arg(end).arg(start)
    }

    /// `XREVRANGE … COUNT`: at most so many.
    read "XREVRANGE" xrevrange_count<T>(
        key: impl ToArg, end: impl ToArg, start: impl ToArg, count: u64,
    ) -> Vec<StreamEntry<T>> {
        |cmd| cmd.key(key).arg(end).arg(start).arg("COUNT").arg(count)
    }

    /// `XREAD`: the entries behind an id in each of the streams, which are given as pairs of key and id.
    read "XREAD" xread<T>(
        streams: impl IntoIterator<Item = (impl ToArg, impl ToArg)>, count: Option<u64>,
    ) -> StreamReads<T> {
        |cmd| super::stream_types::pairs(cmd.arg(count.map(|count| ("COUNT", count))), streams)
    }
}
