use std::fmt;

use super::{
    lexer::{Lexer, Token},
    program::{Expression, Step},
};

/// The longest text.
pub(super) const MAX_LENGTH: usize = 1_000;
/// The deepest nesting, so that no text is too deep for the stack.
const MAX_DEPTH: usize = 64;

/// Why a text is no expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidExpression {
    /// The byte at which it cannot go on.
    pub(crate) at: usize,
    /// The tokens that could go on there.
    pub(crate) expected: &'static str,
}

impl fmt::Display for InvalidExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at position {}", self.expected, self.at)
    }
}

impl std::error::Error for InvalidExpression {}

const VALUE: &str = "a number, `retried`, a function, `-` or `(`";

struct Parser<'a> {
    lexer: Lexer<'a>,
    at: usize,
    token: Token<'a>,
    steps: Vec<Step>,
    depth: usize,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// The byte at which it cannot go on, and what was expected there.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidExpression> {
        Ok(Self { text: text.into(), steps: steps(text)?.into() })
    }
}

/// The steps of an expression.
fn steps(text: &str) -> Result<Vec<Step>, InvalidExpression> {
    if text.len() > MAX_LENGTH {
        return Err(InvalidExpression { at: MAX_LENGTH, expected: "the end" });
    }
    let mut parser = Parser { lexer: Lexer::new(text), at: 0, token: Token::End, steps: Vec::new(), depth: 0 };
    parser.advance()?;
    parser.sum()?;
    match parser.token {
        Token::End => Ok(parser.steps),
        _ => Err(parser.expected("an operator or the end")),
    }
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<(), InvalidExpression> {
        let next = self.lexer.next();
        (self.at, self.token) =
            next.map_err(|at| InvalidExpression { at, expected: "a number, a name or an operator" })?;
        Ok(())
    }

    fn expected(&self, expected: &'static str) -> InvalidExpression {
        InvalidExpression { at: self.at, expected }
    }

    /// Goes on if the next token is this sign.
    fn takes(&mut self, sign: char) -> Result<bool, InvalidExpression> {
        let is_next = self.token == Token::Sign(sign);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    fn sum(&mut self) -> Result<(), InvalidExpression> {
        self.product()?;
        loop {
            let step = match self.token {
                Token::Sign('+') => Step::Add,
                Token::Sign('-') => Step::Subtract,
                _ => return Ok(()),
            };
            self.advance()?;
            self.product()?;
            self.steps.push(step);
        }
    }

    fn product(&mut self) -> Result<(), InvalidExpression> {
        self.value()?;
        loop {
            let step = match self.token {
                Token::Sign('*') => Step::Multiply,
                Token::Sign('/') => Step::Divide,
                _ => return Ok(()),
            };
            self.advance()?;
            self.value()?;
            self.steps.push(step);
        }
    }

    fn value(&mut self) -> Result<(), InvalidExpression> {
        let mut negations = 0_usize;
        loop {
            if self.takes('-')? {
                negations += 1;
            } else if !self.takes('+')? {
                break;
            }
        }
        match self.token {
            Token::Number(number) => {
                self.advance()?;
                self.steps.push(Step::Number(number));
            }
            Token::Name("retried") => {
                self.advance()?;
                self.steps.push(Step::Retried);
            }
            Token::Name(name) => self.call(name)?,
            Token::Sign('(') => self.within()?,
            _ => return Err(self.expected(VALUE)),
        }
        if negations % 2 == 1 {
            self.steps.push(Step::Negate);
        }
        Ok(())
    }

    /// An expression in parentheses.
    fn within(&mut self) -> Result<(), InvalidExpression> {
        self.open()?;
        self.sum()?;
        self.close()
    }

    fn call(&mut self, name: &str) -> Result<(), InvalidExpression> {
        let (step, min, max) = match name {
            "exp" => (Step::One(f64::exp), 1, 1),
            "sqrt" => (Step::One(f64::sqrt), 1, 1),
            "abs" => (Step::One(f64::abs), 1, 1),
            "floor" => (Step::One(f64::floor), 1, 1),
            "ceil" => (Step::One(f64::ceil), 1, 1),
            "round" => (Step::One(f64::round), 1, 1),
            "pow" => (Step::Two(f64::powf), 2, 2),
            "min" => (Step::Two(f64::min), 2, usize::MAX),
            "max" => (Step::Two(f64::max), 2, usize::MAX),
            _ => return Err(self.expected(VALUE)),
        };
        self.advance()?;
        self.open()?;
        let mut arguments = 0;
        loop {
            self.sum()?;
            arguments += 1;
            if arguments > 1 {
                self.steps.push(step);
            }
            if arguments == max || !self.takes(',')? {
                break;
            }
        }
        if arguments < min {
            return Err(self.expected("`,` and another argument"));
        }
        if max == 1 {
            self.steps.push(step);
        }
        self.close()
    }

    fn open(&mut self) -> Result<(), InvalidExpression> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.expected("fewer parentheses"));
        }
        if self.takes('(')? { Ok(()) } else { Err(self.expected("`(`")) }
    }

    fn close(&mut self) -> Result<(), InvalidExpression> {
        self.depth -= 1;
        if self.takes(')')? { Ok(()) } else { Err(self.expected("`)`")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(text: &str) -> [u128; 4] {
        let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(expression.text(), text);
        [0, 1, 2, 3].map(|retried| expression.delay(retried).as_millis())
    }

    #[test]
    fn waits_in_milliseconds_by_the_number_of_retries() {
        for (text, expected) in [
            ("1000", [1_000; 4]),
            ("1000 * (1 + retried)", [1_000, 2_000, 3_000, 4_000]),
            ("pow(2, retried) * 1000", [1_000, 2_000, 4_000, 8_000]),
            ("max(1000, pow(2, retried) * 100)", [1_000; 4]),
            ("2000 * retried", [0, 2_000, 4_000, 6_000]),
            ("10 - 2 - 3", [5; 4]),
            ("100 / 5 / 2", [10; 4]),
            ("2 + 3 * 4", [14; 4]),
            ("-(-5)", [5; 4]),
            ("--5 + +1", [6; 4]),
            ("3 - -2", [5; 4]),
            ("min(9, 4, 7)", [4; 4]),
            ("max(1, retried, 2)", [2, 2, 2, 3]),
            ("sqrt(16) + abs(-1) + floor(1.9) + ceil(1.1) + round(1.5)", [10; 4]),
            ("round(exp(retried))", [1, 3, 7, 20]),
            ("\t1\n", [1; 4]),
            (".5 * 10", [5; 4]),
            // Neither less than nothing nor more than a day.
            ("-5", [0; 4]),
            ("0 / 0", [0; 4]),
            ("sqrt(-1)", [0; 4]),
            ("1 / 0", [86_400_000; 4]),
            ("pow(10, 300)", [86_400_000; 4]),
        ] {
            assert_eq!(delays(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_name_the_place_and_what_is_missing() {
        for (text, at, expected) in [
            ("", 0, VALUE),
            ("1 +", 3, VALUE),
            ("1 2", 2, "an operator or the end"),
            ("(1", 2, "`)`"),
            ("1)", 1, "an operator or the end"),
            ("pow(2)", 5, "`,` and another argument"),
            ("pow(2, 3, 4)", 8, "`)`"),
            ("min(1)", 5, "`,` and another argument"),
            ("sqrt(1, 2)", 6, "`)`"),
            ("sqrt()", 5, VALUE),
            ("pow 2", 4, "`(`"),
            ("retry", 0, VALUE),
            ("Retried", 0, VALUE),
            ("1 % 2", 2, "a number, a name or an operator"),
            ("1.2.3", 0, "a number, a name or an operator"),
            ("1e3", 1, "an operator or the end"),
            ("\u{e9}", 0, "a number, a name or an operator"),
        ] {
            assert_eq!(Expression::parse(text).err(), Some(InvalidExpression { at, expected }), "{text}");
        }
    }

    #[test]
    fn neither_length_nor_depth_is_without_end() {
        assert!(Expression::parse(&"(".repeat(1_000)).is_err());
        assert!(Expression::parse(&format!("{}1{}", "(".repeat(64), ")".repeat(64))).is_ok());
        assert!(Expression::parse(&format!("{}1{}", "(".repeat(65), ")".repeat(65))).is_err());
        // Side by side they are not deep.
        assert!(Expression::parse(&format!("1{}", "+(1)".repeat(200))).is_ok());
        assert!(Expression::parse(&format!("{}1", "-".repeat(999))).is_ok());
        assert!(Expression::parse(&format!("{}1", "-".repeat(1_000))).is_err());
        assert!(Expression::parse(&"exp(".repeat(250)).is_err());
    }
}
