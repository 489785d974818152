//! The words of a filter.

use std::borrow::Cow;

use super::error::FilterError;

/// A word, and the byte at which it begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    /// As it is written.
    pub(super) text: &'a str,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'a> {
    Word,
    Number(f64),
    Text(Cow<'a, str>),
    Symbol,
    End,
}

/// Reads all words, the end among them.
pub(super) fn lex(source: &str) -> Result<Vec<Token<'_>>, FilterError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = &source[at..];
        let Some(first) = rest.chars().next() else { break };
        let length = match first {
            ' ' | '\t' | '\r' | '\n' => {
                at += 1;
                continue;
            }
            '\'' | '"' => text_length(rest, first),
            '0'..='9' | '-' => number_length(rest),
            'A'..='Z' | 'a'..='z' | '_' => field_length(rest),
            '!' | '<' | '>' => 1 + usize::from(rest[1..].starts_with('=')),
            '(' | ')' | ',' | '=' => 1,
            _ => 0,
        };
        let text = &rest[..length];
        let kind = match first {
            _ if length == 0 || text == "!" => None,
            '\'' | '"' => Some(Kind::Text(unescaped(&text[1..length - 1]))),
            '0'..='9' | '-' => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Kind::Number),
            'A'..='Z' | 'a'..='z' | '_' => Some(Kind::Word),
            _ => Some(Kind::Symbol),
        };
        let Some(kind) = kind else {
            let shown: String = match first {
                '\'' | '"' => rest.chars().take(20).collect(),
                _ => first.to_string(),
            };
            return Err(FilterError::at(source, at, format!("token recognition error at: '{shown}'")));
        };
        tokens.push(Token { kind, text, at });
        at += length;
    }
    tokens.push(Token { kind: Kind::End, text: "<EOF>", at });
    Ok(tokens)
}

/// The length of a text with its quotes, or 0 if it has no end. A backslash takes the meaning off a quote.
fn text_length(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, char) in rest.char_indices().skip(1) {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if char == quote => return at + 1,
            _ => {}
        }
    }
    0
}

/// The text without the backslashes before quotes and backslashes. Others stay.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('\\', Some(next @ ('\'' | '"' | '\\'))) => {
                plain.push(*next);
                chars.next();
            }
            _ => plain.push(char),
        }
    }
    Cow::Owned(plain)
}

/// The length of `-?digits[.digits]`, or 0.
fn number_length(rest: &str) -> usize {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(rest.starts_with('-'));
    let whole = digits(sign);
    if whole == 0 {
        return 0;
    }
    let end = sign + whole;
    let fraction = if rest[end..].starts_with('.') { digits(end + 1) } else { 0 };
    if fraction == 0 { end } else { end + 1 + fraction }
}

/// The length of the name of a field. A bracket opens an index, or ends the name.
fn field_length(rest: &str) -> usize {
    let mut at = 0;
    loop {
        let bytes = &rest.as_bytes()[at..];
        match bytes.first() {
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'#' | b'-' | b']') => at += 1,
            Some(b'[') => {
                let index = rest[at + 1..].strip_prefix("#-").unwrap_or(&rest[at + 1..]);
                let digits = index.bytes().take_while(u8::is_ascii_digit).count();
                if digits == 0 || !index[digits..].starts_with(']') {
                    return at;
                }
                at += 1;
            }
            _ => return at,
        }
    }
}
