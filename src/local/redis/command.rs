/// A command as Redis takes it: its name and its arguments, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) arguments: Vec<Vec<u8>>,
}

impl Command {
    pub(super) fn new(arguments: Vec<Vec<u8>>) -> Self {
        Self { arguments }
    }

    pub(super) fn of(words: &[&str]) -> Self {
        Self::new(words.iter().map(|word| word.as_bytes().to_vec()).collect())
    }

    /// The name or an argument as a keyword, in upper case. Empty where there is none.
    pub(super) fn word(&self, index: usize) -> String {
        self.arguments.get(index).map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).to_ascii_uppercase())
    }
}
