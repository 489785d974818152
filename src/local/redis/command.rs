use bytes::Bytes;

/// A command as Redis takes it: its name and its arguments, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) arguments: Vec<Bytes>,
    /// In upper case. Every step on the way asks for it.
    name: String,
}

impl Command {
    pub(super) fn new(arguments: Vec<Bytes>) -> Self {
        let name = arguments.first().map_or_else(String::new, upper);
        Self { arguments, name }
    }

    pub(super) fn of(words: &[&str]) -> Self {
        Self::new(words.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect())
    }

    /// The name in upper case. Empty if there is none.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// An argument as a keyword, in upper case. Empty if there is none.
    pub(super) fn word(&self, index: usize) -> String {
        self.arguments.get(index).map_or_else(String::new, upper)
    }

    /// Whether this is its name.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

fn upper(word: &Bytes) -> String {
    String::from_utf8_lossy(word).to_ascii_uppercase()
}
