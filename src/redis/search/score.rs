use crate::redis::{Cmd, ToArg};

/// The operation that combines numbers.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Combine, Filter, Query, Score}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let both = Score::field("views").and_field("likes").combine(Combine::Sum).with_text(Combine::Multiply);
/// println!("{:?}", upstash.redis().search_query("films", Filter::new(), Query::new().score(both)).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Combine {
    /// They are multiplied.
    Multiply,
    /// They are added.
    Sum,
    /// The new one takes the place of the old. For [`Score::with_text`] alone.
    Replace,
}

impl Combine {
    fn word(self) -> &'static str {
        match self {
            Self::Multiply => "multiply",
            Self::Sum => "sum",
            Self::Replace => "replace",
        }
    }
}

/// The function applied to a field's number first.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Filter, Modifier, Query, Score}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let recent = Score::field("age").modifier(Modifier::Reciprocal).missing(1.0);
/// println!("{:?}", upstash.redis().search_query("films", Filter::new(), Query::new().score(recent)).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "they are the names of functions")]
pub enum Modifier {
    None,
    Log,
    Log1p,
    Log2p,
    Ln,
    Ln1p,
    Ln2p,
    Square,
    Sqrt,
    Reciprocal,
}

/// `SCOREFUNC`: scores that come from numbers of the documents.
///
/// Both modes are always sent, since what they are by default is described in two ways.
///
/// ```no_run
/// use axum_upstash::{Error, Upstash, redis::search::{Filter, Modifier, Query, Score}};
///
/// # async fn run(upstash: &Upstash) -> Result<(), Error> {
/// let popular = Score::field("views").modifier(Modifier::Log).factor(1.5);
/// let hits = upstash.redis().search_query("films", Filter::new(), Query::new().score(popular)).await?;
/// println!("{} hits", hits.unwrap_or_default().len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Score {
    fields: Combine,
    text: Combine,
    values: Vec<String>,
}

impl Score {
    /// The number of a field.
    pub fn field(name: impl Into<String>) -> Self {
        Self { fields: Combine::Multiply, text: Combine::Multiply, values: Vec::new() }.and_field(name)
    }

    /// `FIELDVALUE`: the number of another field.
    pub fn and_field(mut self, name: impl Into<String>) -> Self {
        self.values.extend(["FIELDVALUE".to_owned(), name.into()]);
        self
    }

    /// `MODIFIER`: the function applied to the last field's number.
    pub fn modifier(mut self, modifier: Modifier) -> Self {
        // The name is the value's own, in small letters.
        self.values.extend(["MODIFIER".to_owned(), format!("{modifier:?}").to_lowercase()]);
        self
    }

    /// `FACTOR`: multiplies the last field's number (1).
    pub fn factor(mut self, factor: f64) -> Self {
        self.values.extend(["FACTOR".to_owned(), factor.to_string()]);
        self
    }

    /// `MISSING`: the number of documents without the last field (0).
    pub fn missing(mut self, missing: f64) -> Self {
        self.values.extend(["MISSING".to_owned(), missing.to_string()]);
        self
    }

    /// `COMBINEMODE`: how several fields are put together (multiplied).
    pub fn combine(mut self, combine: Combine) -> Self {
        self.fields = combine;
        self
    }

    /// `SCOREMODE`: how the result is put together with how well the text matches (multiplied).
    pub fn with_text(mut self, combine: Combine) -> Self {
        self.text = combine;
        self
    }
}

impl ToArg for Score {
    fn write(&self, cmd: &mut Cmd) {
        if self.fields == Combine::Replace {
            cmd.refuse("the numbers of several fields cannot replace each other");
        }
        "SCOREFUNC".write(cmd);
        ("COMBINEMODE", self.fields.word()).write(cmd);
        ("SCOREMODE", self.text.word()).write(cmd);
        self.values.write(cmd);
    }
}
