use super::{JsonFormat, commands, json_arrays::Rooted};
use crate::redis::{Json, ToArg};
use serde::Serialize;

commands! {
    /// `JSON.SET`: writes a value at a path; `"$"` is the whole document.
    write "JSON.SET" json_set(key: impl ToArg, path: impl ToArg, value: impl Serialize) -> bool {
        |cmd| cmd.key(key).arg(path).arg(Json(value))
    }

    /// `JSON.SET … NX`: only if there is nothing at the path; says whether it was written.
    write "JSON.SET" json_set_if_absent(key: impl ToArg, path: impl ToArg, value: impl Serialize) -> bool {
        |cmd| cmd.key(key).arg(path).arg(Json(value)).arg("NX")
    }

    /// `JSON.SET … XX`: only if there is something at the path; says whether it was written.
    write "JSON.SET" json_set_if_present(key: impl ToArg, path: impl ToArg, value: impl Serialize) -> bool {
        |cmd| cmd.key(key).arg(path).arg(Json(value)).arg("XX")
    }

    /// `JSON.GET` without a path: the document, as `Option<Json<T>>`.
    read "JSON.GET" json_get<T>(key: impl ToArg) -> T {
        |cmd| cmd.key(key)
    }

    /// `JSON.GET` with paths. One that begins with `$` gives a list of all matches, `Json<Vec<T>>`; one of the older
    /// kind the first match, `Json<T>`; several an object, by path.
    read "JSON.GET" json_get_paths<T>(key: impl ToArg, paths: impl ToArg) -> T {
        |cmd| cmd.key(key).arg(paths)
    }

    /// `JSON.GET` as text, laid out to be read.
    read "JSON.GET" json_get_formatted(
        key: impl ToArg, format: JsonFormat, paths: impl ToArg,
    ) -> Option<String> {
        |cmd| format.write(cmd.key(key)).arg(paths)
    }

    /// `JSON.MGET`: the matches of one path in several documents, nil if there is no such key.
    read "JSON.MGET" json_mget<T>(keys: impl ToArg, path: impl ToArg) -> Vec<T> {
        |cmd| cmd.key(keys).arg(path)
    }

    /// `JSON.MSET`: keys, paths and values, all at once.
    write "JSON.MSET" json_mset(values: impl IntoIterator<Item = (impl ToArg, impl ToArg, impl Serialize)>) -> () {
        |cmd| values.into_iter().fold(cmd, |cmd, (key, path, value)| cmd.key(key).arg(path).arg(Json(value)))
    }

    /// `JSON.MERGE`: merges a value into what is at the path (RFC 7396); null deletes.
    write "JSON.MERGE" json_merge(key: impl ToArg, path: impl ToArg, value: impl Serialize) -> () {
        |cmd| cmd.key(key).arg(path).arg(Json(value))
    }

    /// `JSON.DEL`: deletes what is at the path, and returns how many values that were.
    write "JSON.DEL" json_del(key: impl ToArg, path: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(path)
    }

    /// `JSON.FORGET`: another name for `JSON.DEL`.
    write "JSON.FORGET" json_forget(key: impl ToArg, path: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(path)
    }

    /// `JSON.CLEAR`: empties arrays and objects, sets numbers to 0, and returns how many values changed.
    write "JSON.CLEAR" json_clear(key: impl ToArg, path: impl ToArg) -> u64 {
        |cmd| cmd.key(key).arg(path)
    }

    /// `JSON.TYPE`: `string`, `integer`, `number`, `boolean`, `object`, `array` or `null` for each match.
    read "JSON.TYPE" json_type(key: impl ToArg, path: impl ToArg) -> Option<Vec<String>> {
        |cmd| cmd.key(key).arg(Rooted(path))
    }

    /// `JSON.RESP`: the matches as Redis replies instead of JSON.
    read "JSON.RESP" json_resp<T>(key: impl ToArg, path: impl ToArg) -> T {
        |cmd| cmd.key(key).arg(path)
    }

    /// `JSON.DEBUG MEMORY`: how many bytes each match takes.
    read "JSON.DEBUG MEMORY" json_debug_memory<T>(key: impl ToArg, path: impl ToArg) -> T {
        |cmd| cmd.key(key).arg(path)
    }

    /// `JSON.NUMINCRBY`: adds to each match that is a number, and returns the sums, nil for what is no number.
    write "JSON.NUMINCRBY" json_numincrby(key: impl ToArg, path: impl ToArg, n: f64) -> Json<Vec<Option<f64>>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(n)
    }

    /// `JSON.NUMINCRBY` with an integer: sums are exact, if all of the matches are integers.
    write "JSON.NUMINCRBY" json_incrby(key: impl ToArg, path: impl ToArg, n: i64) -> Json<Vec<Option<i64>>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(n)
    }

    /// `JSON.NUMMULTBY`: multiplies each match that is a number, and returns the products.
    write "JSON.NUMMULTBY" json_nummultby(key: impl ToArg, path: impl ToArg, n: f64) -> Json<Vec<Option<f64>>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(n)
    }

    /// `JSON.TOGGLE`: inverts each match that is a boolean, and returns what it is now.
    write "JSON.TOGGLE" json_toggle(key: impl ToArg, path: impl ToArg) -> Vec<Option<bool>> {
        |cmd| cmd.key(key).arg(Rooted(path))
    }

    /// `JSON.OBJKEYS`: the names of the members of each match that is an object.
    read "JSON.OBJKEYS" json_objkeys(key: impl ToArg, path: impl ToArg) -> Option<Vec<Option<Vec<String>>>> {
        |cmd| cmd.key(key).arg(Rooted(path))
    }

    /// `JSON.OBJLEN`: how many members each match that is an object has.
    read "JSON.OBJLEN" json_objlen(key: impl ToArg, path: impl ToArg) -> Option<Vec<Option<u64>>> {
        |cmd| cmd.key(key).arg(Rooted(path))
    }

    /// `JSON.STRAPPEND`: appends text to each match that is a string, and returns the lengths.
    write "JSON.STRAPPEND" json_strappend(key: impl ToArg, path: impl ToArg, text: &str) -> Vec<Option<u64>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(Json(text))
    }

    /// `JSON.STRLEN`: the length of each match that is a string.
    read "JSON.STRLEN" json_strlen(key: impl ToArg, path: impl ToArg) -> Option<Vec<Option<u64>>> {
        |cmd| cmd.key(key).arg(Rooted(path))
    }
}
