use serde_json::{Value as Json, json};

use super::parser::Parser;

/// Parses the steps of a path. Paths have conditions, and conditions have paths: the path hands its own parser in.
pub(super) type Steps = for<'a> fn(&mut Parser<'a>) -> Option<Vec<Json>>;

const COMPARISONS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

/// A condition: comparisons and paths, with `&&`, `||`, `!` and parentheses.
pub(super) fn condition(parser: &mut Parser<'_>, steps: Steps) -> Option<Json> {
    let mut either = conjunction(parser, steps)?;
    while spaced(parser, "||") {
        let other = conjunction(parser, steps)?;
        either = json!({ "o": "or", "a": either, "b": other });
    }
    Some(either)
}

fn conjunction(parser: &mut Parser<'_>, steps: Steps) -> Option<Json> {
    let mut both = negation(parser, steps)?;
    while spaced(parser, "&&") {
        let other = negation(parser, steps)?;
        both = json!({ "o": "and", "a": both, "b": other });
    }
    Some(both)
}

fn negation(parser: &mut Parser<'_>, steps: Steps) -> Option<Json> {
    parser.space();
    if parser.takes("!") {
        return parser.nested(|parser| Some(json!({ "o": "not", "a": negation(parser, steps)? })));
    }
    if parser.takes("(") {
        let inner = parser.nested(|parser| condition(parser, steps))?;
        parser.space();
        parser.expect(")")?;
        return Some(inner);
    }
    let left = operand(parser, steps)?;
    parser.space();
    match COMPARISONS.into_iter().find(|comparison| parser.takes(comparison)) {
        Some(comparison) => {
            parser.space();
            Some(json!({ "o": comparison, "a": left, "b": operand(parser, steps)? }))
        }
        // A path alone asks whether there is something.
        None if left.get("p").is_some() => Some(json!({ "o": "has", "a": left })),
        None => None,
    }
}

/// A path from the item (`@`) or from the root (`$`), or a value.
fn operand(parser: &mut Parser<'_>, steps: Steps) -> Option<Json> {
    for (sign, root) in [("@", false), ("$", true)] {
        if parser.takes(sign) {
            let steps = parser.nested(steps)?;
            return Some(json!({ "p": steps, "r": root }));
        }
    }
    if parser.rest.starts_with(['\'', '"']) {
        return Some(json!({ "v": { "t": "s", "s": parser.quoted()? } }));
    }
    for (word, value) in
        [("true", json!({"t": "b", "b": true})), ("false", json!({"t": "b", "b": false})), ("null", json!({"t": "z"}))]
    {
        if parser.takes(word) {
            return Some(json!({ "v": value }));
        }
    }
    let end = parser.rest.find(|c: char| !c.is_ascii_digit() && !"+-.eE".contains(c)).unwrap_or(parser.rest.len());
    let (number, rest) = parser.rest.split_at(end);
    // Its text is what the script compares, so it has to be JSON's.
    serde_json::from_str::<serde_json::Number>(number).ok()?;
    parser.rest = rest;
    Some(json!({ "v": { "t": "n", "s": number } }))
}

fn spaced(parser: &mut Parser<'_>, text: &str) -> bool {
    parser.space();
    parser.takes(text)
}

#[cfg(test)]
mod tests {
    use super::super::path::compile;
    use serde_json::json;

    #[test]
    fn conditions_have_the_usual_order() {
        let compiled = compile("$[?(@.a > 1.5 && !@.b || $.c == 'x')]").unwrap();
        let path = |name: &str, root: bool| json!({"p": [{"k": "c", "n": name}], "r": root});
        let greater = json!({"o": ">", "a": path("a", false), "b": {"v": {"t": "n", "s": "1.5"}}});
        let absent = json!({"o": "not", "a": {"o": "has", "a": path("b", false)}});
        let equal = json!({"o": "==", "a": path("c", true), "b": {"v": {"t": "s", "s": "x"}}});
        let both = json!({"o": "and", "a": greater, "b": absent});
        assert_eq!(compiled["p"][0]["e"], json!({"o": "or", "a": both, "b": equal}));
    }

    #[test]
    fn a_value_alone_is_no_condition() {
        for path in ["$[?(1)]", "$[?('x')]", "$[?()]", "$[?(@.a == )]", "$[?(@.a == 01)]"] {
            assert_eq!(compile(path), None, "{path}");
        }
        for path in ["$[?(@)]", "$[?@.a]", "$.list[?(@ == null)]", "$[?((@.a))]"] {
            assert!(compile(path).is_some(), "{path}");
        }
    }
}
