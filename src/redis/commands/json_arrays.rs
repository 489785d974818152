//! Arrays in documents, and how a document is laid out.

use super::commands;
use crate::redis::{Cmd, Json, ToArg};
use serde::Serialize;

/// The layout of JSON text.
///
/// ```
/// use axum_upstash::redis::JsonFormat;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// redis.json_set("doc", "$", &[1, 2]).await?;
/// let text = redis.json_get_formatted("doc", JsonFormat::new().indent("  ").newline("\n"), "$").await?;
/// assert!(text.is_some_and(|text| text.contains("\n")));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct JsonFormat {
    indent: Option<String>,
    newline: Option<String>,
    space: Option<String>,
}

impl JsonFormat {
    /// On one line, without spaces.
    pub fn new() -> Self {
        Self::default()
    }

    /// `INDENT`: what each level is indented by.
    pub fn indent(mut self, indent: impl Into<String>) -> Self {
        self.indent = Some(indent.into());
        self
    }

    /// `NEWLINE`: the text at the end of each line.
    pub fn newline(mut self, newline: impl Into<String>) -> Self {
        self.newline = Some(newline.into());
        self
    }

    /// `SPACE`: the text between a name and its value.
    pub fn space(mut self, space: impl Into<String>) -> Self {
        self.space = Some(space.into());
        self
    }

    #[allow(clippy::needless_pass_by_value, reason = "called with the caller's own")]
    pub(super) fn write(self, cmd: Cmd) -> Cmd {
        cmd.arg(self.indent.map(|indent| ("INDENT", indent)))
            .arg(self.newline.map(|newline| ("NEWLINE", newline)))
            .arg(self.space.map(|space| ("SPACE", space)))
    }
}

/// A path that begins with `$`. One of the older kind has another reply, which would fail to be read when the command
/// has been executed.
pub(super) struct Rooted<P>(pub(super) P);

impl<P: ToArg> ToArg for Rooted<P> {
    fn write(&self, cmd: &mut Cmd) {
        self.0.write(cmd);
        if !cmd.iter().last().is_some_and(|path| path.starts_with(b"$")) {
            cmd.refuse("the path has to begin with $; send the command by its name for one of the older kind");
        }
    }
}

commands! {
    /// `JSON.ARRAPPEND`: appends values to each match that is an array, and returns the lengths.
    write "JSON.ARRAPPEND" json_arrappend(
        key: impl ToArg, path: impl ToArg, values: impl IntoIterator<Item = impl Serialize>,
    ) -> Vec<Option<u64>> {
        |cmd| cmd.key(key).arg(Rooted(path)).args(values.into_iter().map(Json))
    }

    /// `JSON.ARRINSERT`: inserts values before an index, negative from the end, and returns the lengths.
    write "JSON.ARRINSERT" json_arrinsert(
        key: impl ToArg, path: impl ToArg, index: i64, values: impl IntoIterator<Item = impl Serialize>,
    ) -> Vec<Option<u64>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(index).args(values.into_iter().map(Json))
    }

    /// `JSON.ARRINDEX`: the index of a value in each match that is an array, or -1.
    read "JSON.ARRINDEX" json_arrindex(key: impl ToArg, path: impl ToArg, value: impl Serialize) -> Vec<Option<i64>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(Json(value))
    }

    /// `JSON.ARRINDEX` between two indexes, the second not included, 0 for the end.
    read "JSON.ARRINDEX" json_arrindex_between(
        key: impl ToArg, path: impl ToArg, value: impl Serialize, start: i64, stop: i64,
    ) -> Vec<Option<i64>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(Json(value)).arg(start).arg(stop)
    }

    /// `JSON.ARRLEN`: the length of each match that is an array.
    read "JSON.ARRLEN" json_arrlen(key: impl ToArg, path: impl ToArg) -> Option<Vec<Option<u64>>> {
        |cmd| cmd.key(key).arg(Rooted(path))
    }

    /// `JSON.ARRPOP`: takes the value at an index, negative from the end, out of each match that is an array.
    write "JSON.ARRPOP" json_arrpop<T>(key: impl ToArg, path: impl ToArg, index: i64) -> Vec<T> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(index)
    }

    /// `JSON.ARRTRIM`: keeps the values from `start` to `stop`, both included, and returns the lengths.
    write "JSON.ARRTRIM" json_arrtrim(key: impl ToArg, path: impl ToArg, start: i64, stop: i64) -> Vec<Option<u64>> {
        |cmd| cmd.key(key).arg(Rooted(path)).arg(start).arg(stop)
    }
}
