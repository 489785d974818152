//! Reads a filter. An error has the place and the words of the service.

use super::{
    error::FilterError,
    glob::Glob,
    lexer::{Kind, Token, lex},
    path::Path,
    program::{Condition, Filter, Literal, Order, Test},
};

/// The bytes of a pattern: looking for it takes time by its length and that of the text.
const MAX_PATTERN: usize = 1_000;

/// The depth of parentheses.
const MAX_DEPTH: usize = 64;

/// Reads a filter. An empty one holds for every record.
pub(crate) fn parse(source: &str, max_values: usize) -> Result<Filter, FilterError> {
    if source.trim().is_empty() {
        return Ok(Filter::Always);
    }
    let mut parser = Parser { source, tokens: lex(source)?, at: 0, depth: 0, max_values };
    let filter = parser.any_of()?;
    match &parser.next().kind {
        Kind::End => Ok(filter),
        _ => Err(parser.error("extraneous input", "<EOF>")),
    }
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
    depth: usize,
    max_values: usize,
}

impl<'a> Parser<'a> {
    fn any_of(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all()?];
        while self.take_word("OR") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::AnyOf(parts) })
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut parts = vec![self.primary()?];
        while self.take_word("AND") {
            parts.push(self.primary()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
    }

    fn primary(&mut self) -> Result<Filter, FilterError> {
        if !self.take_symbol("(") {
            return Ok(Filter::Field(self.condition()?));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("mismatched input", "at most 64 parentheses in one another"));
        }
        let inner = self.any_of()?;
        self.expect_symbol(")")?;
        self.depth -= 1;
        Ok(inner)
    }

    fn condition(&mut self) -> Result<Condition, FilterError> {
        if self.is_word("HAS") && matches!(self.peek(1).kind, Kind::Word) {
            self.at += 1;
            let is_negated = self.take_word("NOT");
            if !self.take_word("FIELD") {
                return Err(self.error("mismatched input", "FIELD"));
            }
            let path = self.field()?;
            return Ok(Condition { path, is_negated, test: Test::Exists });
        }
        let path = self.field()?;
        let operator = self.next().clone();
        let order = match operator.text {
            "<" => Some(Order::Less),
            "<=" => Some(Order::LessOrEqual),
            ">" => Some(Order::Greater),
            ">=" => Some(Order::GreaterOrEqual),
            _ => None,
        };
        if let (Kind::Symbol, Some(order)) = (&operator.kind, order) {
            self.at += 1;
            return Ok(Condition { path, is_negated: false, test: Test::Orders(order, self.number()?) });
        }
        if operator.kind == Kind::Symbol && matches!(operator.text, "=" | "!=") {
            self.at += 1;
            return Ok(Condition { path, is_negated: operator.text == "!=", test: Test::Equals(self.literal()?) });
        }
        let is_negated = self.take_word("NOT");
        let test = if self.take_word("GLOB") {
            let place = self.at;
            let pattern = self.text()?;
            if pattern.len() > MAX_PATTERN {
                self.at = place;
                return Err(self.error("mismatched input", "a pattern of at most 1000 bytes"));
            }
            Test::Matches(Glob::new(&pattern))
        } else if self.take_word("IN") {
            Test::In(self.literals()?)
        } else if self.take_word("CONTAINS") {
            Test::Contains(self.literal()?)
        } else if is_negated {
            return Err(self.error("mismatched input", "{GLOB, IN, CONTAINS}"));
        } else {
            return Err(self.error("mismatched input", "{'=', '!=', '<', '<=', '>', '>=', NOT, GLOB, IN, CONTAINS}"));
        };
        Ok(Condition { path, is_negated, test })
    }

    fn field(&mut self) -> Result<Path, FilterError> {
        match &self.next().kind {
            Kind::Word => {
                let path = Path::new(self.next().text);
                self.at += 1;
                Ok(path)
            }
            Kind::End => Err(self.error("mismatched input", "a field")),
            _ => Err(self.error("extraneous input", "a field")),
        }
    }

    fn literals(&mut self) -> Result<Vec<Literal>, FilterError> {
        self.expect_symbol("(")?;
        let mut literals = vec![self.literal()?];
        while self.take_symbol(",") {
            if literals.len() >= self.max_values {
                let max = self.max_values;
                return Err(self.error("mismatched input", &format!("at most {max} values in a list")));
            }
            literals.push(self.literal()?);
        }
        self.expect_symbol(")")?;
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        let token = self.next();
        let literal = match &token.kind {
            Kind::Text(text) => Literal::Text(text.clone().into_owned()),
            Kind::Number(number) => Literal::Number(*number),
            Kind::Word if token.text.eq_ignore_ascii_case("true") => Literal::Bool(true),
            Kind::Word if token.text.eq_ignore_ascii_case("false") => Literal::Bool(false),
            _ => return Err(self.error("mismatched input", "{STRING, NUMBER, BOOLEAN}")),
        };
        self.at += 1;
        Ok(literal)
    }

    fn number(&mut self) -> Result<f64, FilterError> {
        let Kind::Number(number) = self.next().kind else { return Err(self.error("mismatched input", "NUMBER")) };
        self.at += 1;
        Ok(number)
    }

    fn text(&mut self) -> Result<String, FilterError> {
        let Kind::Text(text) = &self.next().kind else { return Err(self.error("mismatched input", "STRING")) };
        let text = text.clone().into_owned();
        self.at += 1;
        Ok(text)
    }

    fn next(&self) -> &Token<'a> {
        self.peek(0)
    }

    /// The words end with one that is never passed.
    fn peek(&self, ahead: usize) -> &Token<'a> {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn is_word(&self, word: &str) -> bool {
        let token = self.next();
        token.kind == Kind::Word && token.text.eq_ignore_ascii_case(word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        self.at += usize::from(is_it);
        is_it
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_it = self.next().kind == Kind::Symbol && self.next().text == symbol;
        self.at += usize::from(is_it);
        is_it
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), FilterError> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        Err(self.error("mismatched input", &format!("'{symbol}'")))
    }

    fn error(&self, what: &str, expected: &str) -> FilterError {
        let Token { text, at, .. } = self.next();
        let shown: String = text.chars().take(40).collect();
        FilterError::at(self.source, *at, format!("{what} '{shown}' expecting {expected}"))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    fn holds(filter: &str, metadata: &serde_json::Value) -> bool {
        parse(filter, 999).unwrap_or_else(|error| panic!("{filter}: {error}")).holds(Some(metadata))
    }

    #[test]
    fn conditions_hold_as_documented() {
        let city = json!({
            "city": "Istanbul", "country": "Turkey", "is_capital": false, "population": 15_460_000,
            "geography": {"continent": "Asia", "coordinates": {"latitude": 41.0082}},
            "economy": {"major_industries": ["Tourism", "Textile", "Finance"], "open": null},
            "quote": "it's", "path": "a\\b", "half": -0.5,
        });
        for (filter, expected) in [
            ("city = 'Istanbul'", true),
            ("city = \"Istanbul\"", true),
            ("city != 'Ankara'", true),
            ("city = 17", false),
            ("city != 17", true),
            ("is_capital = FALSE", true),
            ("is_capital = 0", true),
            ("is_capital = 1", false),
            ("is_capital != true", true),
            ("population >= 15460000", true),
            ("population > 15460000.0", false),
            ("population < -3", false),
            ("city < 3", false),
            ("half=-0.5", true),
            ("half>=-0.5 AND half<0", true),
            ("city GLOB 'I*l'", true),
            ("city NOT GLOB 'I*l'", false),
            ("population GLOB '*'", false),
            ("population NOT GLOB '*'", true),
            ("city IN ('Ankara', 'Istanbul')", true),
            ("city not in ('Ankara', 2.5, -3, true)", true),
            ("economy.major_industries CONTAINS 'Tourism'", true),
            ("economy.major_industries NOT CONTAINS 'Tourism'", false),
            ("city CONTAINS 'Istanbul'", false),
            ("economy.major_industries[0] = 'Tourism'", true),
            ("economy.major_industries[#-1] = 'Finance'", true),
            ("economy.major_industries#-1] = 'Finance'", false),
            ("HAS FIELD economy.open", true),
            ("has not field economy.closed", true),
            ("HAS FIELD geography", true),
            ("HAS NOT FIELD city", false),
            // A field that is missing.
            ("mayor = 'x'", false),
            ("mayor != 'x'", false),
            ("mayor NOT IN ('x')", false),
            ("mayor NOT GLOB 'x'", false),
            ("mayor NOT CONTAINS 'x'", false),
            // AND before OR.
            ("city = 'x' AND city = 'y' OR population > 1", true),
            ("city = 'x' AND (city = 'y' OR population > 1)", false),
            ("(((city = 'Istanbul')))", true),
            ("quote = \"it's\"", true),
            (r"quote = 'it\'s'", true),
            (r"path = 'a\\b'", true),
            (r"path = 'a\b'", true),
            ("\n city\t=\r\n'Istanbul' ", true),
            ("has = 1", false),
            ("", true),
            ("  ", true),
        ] {
            assert_eq!(holds(filter, &city), expected, "{filter}");
        }
        assert!(!parse("city = 'x'", 9).unwrap().holds(None) && parse("HAS NOT FIELD x", 9).unwrap().holds(None));
    }

    #[test]
    fn errors_have_the_place_and_the_words_of_the_service() {
        for (filter, expected) in [
            ("city IN ('a') OR pop IN ['b']", "1:24 token recognition error at: '['"),
            ("city = 'a", "1:7 token recognition error at: ''a'"),
            ("city ~ 1", "1:5 token recognition error at: '~'"),
            ("city !", "1:5 token recognition error at: '!'"),
            ("tags[] = 1", "1:4 token recognition error at: '['"),
            ("tags[ = 1", "1:4 token recognition error at: '['"),
            (".a = 1", "1:0 token recognition error at: '.'"),
            ("city\n  =", "2:3 mismatched input '<EOF>' expecting {STRING, NUMBER, BOOLEAN}"),
            ("city > 'a'", "1:7 mismatched input ''a'' expecting NUMBER"),
            (
                "city",
                "1:4 mismatched input '<EOF>' expecting {'=', '!=', '<', '<=', '>', '>=', NOT, GLOB, IN, CONTAINS}",
            ),
            ("city NOT = 1", "1:9 mismatched input '=' expecting {GLOB, IN, CONTAINS}"),
            ("city IN ()", "1:9 mismatched input ')' expecting {STRING, NUMBER, BOOLEAN}"),
            ("city = 1 city", "1:9 extraneous input 'city' expecting <EOF>"),
            ("(city = 1", "1:9 mismatched input '<EOF>' expecting ')'"),
            ("city = 1 AND", "1:12 mismatched input '<EOF>' expecting a field"),
            ("city = null", "1:7 mismatched input 'null' expecting {STRING, NUMBER, BOOLEAN}"),
            ("HAS city", "1:4 mismatched input 'city' expecting FIELD"),
            ("a IN (1,2,3,4)", "1:12 mismatched input '4' expecting at most 3 values in a list"),
            ("a = 1e5", "1:5 extraneous input 'e5' expecting <EOF>"),
            ("ü = 1", "1:0 token recognition error at: 'ü'"),
        ] {
            let error = parse(filter, 3).expect_err(filter).to_string();
            assert_eq!(error, format!("Invalid filter. At line {expected}"), "{filter}");
        }
        let deep = format!("{}a = 1{}", "(".repeat(65), ")".repeat(65));
        assert!(parse(&deep, 9).is_err() && parse(&deep[1..deep.len() - 1], 9).is_ok());
        assert!(parse(&"(".repeat(1_000_000), 9).is_err());
        assert!(parse(&format!("a GLOB '{}'", "*a".repeat(501)), 9).is_err());
        // In a time that grows with the length, not with its square.
        assert!(parse(&vec!["a = 1"; 200_000].join(" OR "), 9).is_ok());
    }
}
