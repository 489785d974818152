use serde_json::{Value as Json, json};

use super::{filter, parser::Parser};

/// Steps in a path, and parts in brackets.
const MAX_STEPS: usize = 512;

/// A path, compiled for the script: `t` its text, `f` the same in full as errors have it, `l` whether it is of the older
/// kind, whose answers are single, and `p` its steps.
pub(super) fn compile(text: &str) -> Option<Json> {
    let legacy = !text.starts_with('$');
    let mut parser = Parser::new(text.strip_prefix('$').unwrap_or(text));
    let mut all = Vec::new();
    if legacy {
        match parser.rest {
            "." => parser.rest = "",
            // The first member may have no point before it.
            rest if !rest.starts_with(['.', '[']) => all.push(child(parser.name()?)),
            _ => {}
        }
    }
    all.extend(steps(&mut parser)?);
    let full = match text {
        "." => "$".to_owned(),
        _ if !legacy => text.to_owned(),
        _ if text.starts_with('.') => format!("${text}"),
        _ => format!("$.{text}"),
    };
    parser.rest.is_empty().then(|| json!({ "t": text, "f": full, "l": legacy, "p": all }))
}

fn child(name: &str) -> Json {
    json!({ "k": "c", "n": name })
}

/// Steps as far as they go.
fn steps(parser: &mut Parser<'_>) -> Option<Vec<Json>> {
    let mut steps = Vec::new();
    loop {
        let deep = parser.takes("..");
        // A point may be before a name in brackets.
        if parser.rest.starts_with(".['") || parser.rest.starts_with(".[\"") {
            parser.takes(".");
        }
        let mut step = if parser.rest.starts_with('[') {
            brackets(parser)?
        } else if deep || parser.takes(".") {
            if parser.takes("*") { json!({ "k": "*" }) } else { child(parser.name()?) }
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

/// `[…]`: names, indexes, slices, everything, or a condition.
fn brackets(parser: &mut Parser<'_>) -> Option<Json> {
    parser.expect("[")?;
    let mut parts = Vec::new();
    loop {
        parser.space();
        parts.push(part(parser)?);
        parser.space();
        if parser.takes("]") {
            break;
        }
        parser.expect(",")?;
        if parts.len() > MAX_STEPS {
            return None;
        }
    }
    if parts.len() == 1 { parts.pop() } else { Some(json!({ "k": "u", "p": parts })) }
}

fn part(parser: &mut Parser<'_>) -> Option<Json> {
    if parser.takes("*") {
        return Some(json!({ "k": "*" }));
    }
    if parser.takes("?") {
        return parser.nested(|parser| Some(json!({ "k": "f", "e": filter::condition(parser, steps)? })));
    }
    if parser.rest.starts_with(['\'', '"']) {
        return Some(json!({ "k": "c", "n": parser.quoted()? }));
    }
    let from = parser.integer();
    parser.space();
    if !parser.takes(":") {
        return Some(json!({ "k": "i", "n": from? }));
    }
    parser.space();
    let to = parser.integer();
    parser.space();
    let by = if parser.takes(":") { parser.spaced_integer() } else { None };
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
