use serde_json::{Value as Json, json};

use super::filter;

/// Expressions inside each other, and steps.
const MAX_DEPTH: usize = 32;
const MAX_STEPS: usize = 512;

/// A path, compiled for the script: `t` its text, `l` whether it is of the older kind, whose answers are single, and
/// `p` its steps.
pub(super) fn compile(text: &str) -> Option<Json> {
    let legacy = !text.starts_with('$');
    let mut parser = Parser { rest: text.strip_prefix('$').unwrap_or(text), depth: 0 };
    let mut steps = Vec::new();
    if legacy {
        match parser.rest {
            "." => parser.rest = "",
            // The first member may have no point before it.
            rest if !rest.starts_with(['.', '[']) => steps.push(child(parser.name()?)),
            _ => {}
        }
    }
    steps.extend(parser.steps()?);
    parser.rest.is_empty().then(|| json!({ "t": text, "l": legacy, "p": steps }))
}

pub(super) struct Parser<'a> {
    pub(super) rest: &'a str,
    depth: usize,
}

fn child(name: &str) -> Json {
    json!({ "k": "c", "n": name })
}

impl<'a> Parser<'a> {
    /// Steps as far as they go.
    pub(super) fn steps(&mut self) -> Option<Vec<Json>> {
        let mut steps = Vec::new();
        loop {
            let deep = self.takes("..");
            let mut step = if self.rest.starts_with('[') {
                self.brackets()?
            } else if deep || self.takes(".") {
                if self.takes("*") { json!({ "k": "*" }) } else { child(self.name()?) }
            } else {
                return Some(steps);
            };
            if deep {
                step["d"] = true.into();
            }
            steps.push(step);
            if steps.len() > MAX_STEPS {
                return None;
            }
        }
    }

    /// A name without quotation marks.
    fn name(&mut self) -> Option<&'a str> {
        let ends = |c: char| c.is_whitespace() || "[].*,()<>=!&|'\"@?".contains(c);
        let (name, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    /// `[…]`: names, indexes, slices, everything, or a condition.
    fn brackets(&mut self) -> Option<Json> {
        self.expect("[")?;
        let mut parts = Vec::new();
        loop {
            self.space();
            parts.push(self.part()?);
            self.space();
            if self.takes("]") {
                break;
            }
            self.expect(",")?;
            if parts.len() > MAX_STEPS {
                return None;
            }
        }
        if parts.len() == 1 { parts.pop() } else { Some(json!({ "k": "u", "p": parts })) }
    }

    fn part(&mut self) -> Option<Json> {
        if self.takes("*") {
            return Some(json!({ "k": "*" }));
        }
        if self.takes("?") {
            return self.nested(|parser| Some(json!({ "k": "f", "e": filter::condition(parser)? })));
        }
        if self.rest.starts_with(['\'', '"']) {
            return Some(json!({ "k": "c", "n": self.quoted()? }));
        }
        let from = self.integer();
        self.space();
        if !self.takes(":") {
            return Some(json!({ "k": "i", "n": from? }));
        }
        self.space();
        let to = self.integer();
        self.space();
        let by = if self.takes(":") { self.spaced_integer() } else { None };
        if by == Some(0) {
            return None;
        }
        let mut slice = json!({ "k": "s" });
        for (name, end) in [("a", from), ("b", to), ("c", by)] {
            if let Some(end) = end {
                slice[name] = end.into();
            }
        }
        Some(slice)
    }

    fn spaced_integer(&mut self) -> Option<i64> {
        self.space();
        self.integer()
    }

    fn integer(&mut self) -> Option<i64> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_become_steps() {
        for (path, steps) in [
            ("$", json!([])),
            ("$.a.b", json!([{"k": "c", "n": "a"}, {"k": "c", "n": "b"}])),
            ("$['a.b'][\"c\\\"\"]", json!([{"k": "c", "n": "a.b"}, {"k": "c", "n": "c\""}])),
            ("$..a", json!([{"k": "c", "n": "a", "d": true}])),
            ("$..[0]", json!([{"k": "i", "n": 0, "d": true}])),
            ("$..*", json!([{"k": "*", "d": true}])),
            ("$[*]", json!([{"k": "*"}])),
            ("$[ -1 ]", json!([{"k": "i", "n": -1}])),
            ("$[1:-2:2]", json!([{"k": "s", "a": 1, "b": -2, "c": 2}])),
            ("$[:]", json!([{"k": "s"}])),
            ("$[0,'x']", json!([{"k": "u", "p": [{"k": "i", "n": 0}, {"k": "c", "n": "x"}]}])),
        ] {
            let compiled = compile(path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!((&compiled["p"], &compiled["l"]), (&steps, &json!(false)), "{path}");
        }
        for path in [".", ".a", "a", "a[0]", ".a.b", "[0]"] {
            assert_eq!(compile(path).unwrap_or_else(|| panic!("{path}"))["l"], true, "{path}");
        }
        assert_eq!(compile(".").unwrap()["p"], json!([]));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in
            ["", "$.", "$a", "$[", "$[]", "$['a]", "$[1:2:0]", "$[99999999999999999999]", "$.a b", "$[?(@.a =~ 'x')]"]
        {
            assert_eq!(compile(path), None, "{path}");
        }
        assert_eq!(compile(&format!("${}", "[?(".repeat(1000))), None);
        assert_eq!(compile(&format!("${}", ".a".repeat(1000))), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[$.@?*\\[\\]()'\"a0:,!=<>&| -]{0,40}") {
            let _ = compile(&text);
            let _ = compile(&format!("$[?({text})]"));
        }
    }
}
