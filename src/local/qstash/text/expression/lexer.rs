/// A token of an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Token<'a> {
    Number(f64),
    Name(&'a str),
    /// One of `+-*/(),`.
    Sign(char),
    End,
}

/// The tokens of a text, each with the byte at which it begins.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next token, or the byte at which there is none.
    pub(super) fn next(&mut self) -> Result<(usize, Token<'a>), usize> {
        let rest = &self.text[self.at..];
        let rest = rest.trim_start();
        let begin = self.text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok((begin, Token::End)) };
        let (length, token) = match first {
            '+' | '-' | '*' | '/' | '(' | ')' | ',' => (1, Token::Sign(first)),
            '0'..='9' | '.' => {
                let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                (length, Token::Number(rest[..length].parse().map_err(|_| begin)?))
            }
            'a'..='z' | 'A'..='Z' => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                (length, Token::Name(&rest[..length]))
            }
            _ => return Err(begin),
        };
        self.at = begin + length;
        Ok((begin, token))
    }
}
