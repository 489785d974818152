//! The words that paths and conditions are made of.

/// Expressions inside each other.
const MAX_DEPTH: usize = 32;

/// The rest of a text.
pub(super) struct Parser<'a> {
    pub(super) rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(rest: &'a str) -> Self {
        Self { rest, depth: 0 }
    }

    /// A name without quotation marks.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let ends = |c: char| c.is_whitespace() || "[].*,()<>=!&|'\"@?".contains(c);
        let (name, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    pub(super) fn spaced_integer(&mut self) -> Option<i64> {
        self.space();
        self.integer()
    }

    pub(super) fn integer(&mut self) -> Option<i64> {
        let digits = |c: char| !c.is_ascii_digit();
        let sign = usize::from(self.rest.starts_with('-'));
        let unsigned = &self.rest[sign..];
        let end = sign + unsigned.find(digits).unwrap_or(unsigned.len());
        // As large as any index can be, and a number that Lua has exactly.
        let number = self.rest[..end].parse::<i64>().ok().filter(|number| number.unsigned_abs() < 1 << 53)?;
        self.rest = &self.rest[end..];
        Some(number)
    }

    /// Text in quotation marks of either kind, in which a backslash takes the meaning from what is behind it.
    pub(super) fn quoted(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' => text.push(match characters.next()?.1 {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                }),
                c if c == quote => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                c => text.push(c),
            }
        }
        None
    }

    /// Runs `inner` one level deeper, unless that is too deep.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth += 1;
        let found = if self.depth > MAX_DEPTH { None } else { inner(self) };
        self.depth -= 1;
        found
    }

    pub(super) fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn takes(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    pub(super) fn expect(&mut self, text: &str) -> Option<()> {
        self.takes(text).then_some(())
    }
}
