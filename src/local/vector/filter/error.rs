use std::fmt;

/// The place at which a filter cannot be read: a line from 1 and a column from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterError {
    line: usize,
    column: usize,
    detail: String,
}

impl FilterError {
    /// The error at a byte of a filter. Columns are counted in characters.
    pub(super) fn at(source: &str, at: usize, detail: String) -> Self {
        let before = &source[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let (line, column) = (before.matches('\n').count() + 1, before[line_start..].chars().count());
        Self { line, column, detail }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid filter. At line {}:{} {}", self.line, self.column, self.detail)
    }
}
