use bytes::Bytes;

/// A command as Redis takes it: its name and its arguments, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) arguments: Vec<Bytes>,
}

impl Command {
    pub(super) fn new(arguments: Vec<Bytes>) -> Self {
        Self { arguments }
    }

    pub(super) fn of(words: &[&str]) -> Self {
        Self::new(words.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect())
    }

    /// The name or an argument as a keyword, in upper case. Empty where there is none.
    pub(super) fn word(&self, index: usize) -> String {
        self.arguments.get(index).map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).to_ascii_uppercase())
    }

    /// Whether this is its name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.arguments.first().is_some_and(|first| first.eq_ignore_ascii_case(name.as_bytes()))
    }
}
