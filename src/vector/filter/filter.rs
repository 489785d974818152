use super::super::error::invalid;
use crate::Error;
use std::{
    fmt,
    ops::{BitAnd, BitOr},
};

/// A condition on metadata ([Metadata filtering](https://upstash.com/docs/vector/features/filtering)).
///
/// A field that is missing fulfils no condition, not even [`ne`](super::Field::ne): say `field("a").is_missing() |
/// field("a").ne(1)` if it should. Texts come in quotes, and cannot end the filter that they are in.
///
/// ```
/// use axum_upstash::vector::field;
///
/// let filter = (field("city").eq("Tokyo") | field("population").ge(1_000_000)) & field("geo.continent").ne("Europe");
/// assert_eq!(filter.to_string(), "(city = 'Tokyo' OR population >= 1000000) AND geo.continent != 'Europe'");
/// ```
// No PartialEq: its `eq` would hide that of rig's trait for filters.
#[derive(Clone)]
#[must_use]
pub struct Filter {
    text: String,
    shape: Shape,
    /// Why it cannot be sent.
    problem: Option<&'static str>,
}

/// What binds its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Condition,
    All,
    Any,
    /// Unknown.
    Raw,
}

impl Filter {
    /// A filter as it is written. Put no text of users into it: quotes in it would end the text.
    ///
    /// ```
    /// use axum_upstash::vector::{Filter, field};
    ///
    /// let filter = Filter::raw("tags[#-1] = 'new' OR HAS NOT FIELD tags") & field("price").lt(10);
    /// assert_eq!(filter.to_string(), "(tags[#-1] = 'new' OR HAS NOT FIELD tags) AND price < 10");
    /// ```
    pub fn raw(text: impl Into<String>) -> Self {
        Self { text: text.into(), shape: Shape::Raw, problem: None }
    }

    /// A filter that holds if all of these do. Of none it holds for every record.
    pub fn all(filters: impl IntoIterator<Item = Self>) -> Self {
        filters.into_iter().reduce(BitAnd::bitand).unwrap_or_else(|| Self::raw(""))
    }

    /// A filter that holds if one of these does, or `None` if there are none.
    #[must_use]
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        filters.into_iter().reduce(BitOr::bitor)
    }

    pub(in crate::vector) fn condition(text: Result<String, &'static str>) -> Self {
        let problem = text.as_ref().err().copied();
        Self { text: text.unwrap_or_default(), shape: Shape::Condition, problem }
    }

    /// The text to send.
    pub(crate) fn into_text(self) -> Result<String, Error> {
        match self.problem {
            Some(problem) => Err(invalid(problem)),
            None => Ok(self.text),
        }
    }

    fn joined(self, other: Self, word: &str, shape: Shape) -> Self {
        let problem = self.problem.or(other.problem);
        // One that holds for every record adds nothing to a conjunction.
        if shape == Shape::All && problem.is_none() {
            match (self.is_empty(), other.is_empty()) {
                (true, _) => return other,
                (_, true) => return self,
                _ => {}
            }
        }
        // And it makes a disjunction hold for every record.
        if shape == Shape::Any && problem.is_none() && (self.is_empty() || other.is_empty()) {
            return Self::raw("");
        }
        let part = |filter: &Self| match filter.shape {
            own if own == shape || own == Shape::Condition => filter.text.clone(),
            // AND binds tighter than OR, but few know it.
            _ => format!("({})", filter.text),
        };
        Self { text: format!("{} {word} {}", part(&self), part(&other)), shape, problem }
    }

    fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.problem.is_none()
    }
}

impl BitAnd for Filter {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.joined(other, "AND", Shape::All)
    }
}

impl BitOr for Filter {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.joined(other, "OR", Shape::Any)
    }
}

/// Without the values that fields are compared with.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter").field("shape", &self.shape).field("problem", &self.problem).finish_non_exhaustive()
    }
}

/// The text of the filter. It has the values that fields are compared with.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never empty if it cannot be sent: an empty filter holds for every record.
        f.write_str(if self.problem.is_some() { "<a filter that cannot be sent>" } else { &self.text })
    }
}
