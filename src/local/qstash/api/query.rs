//! The query of a request.

use crate::local::qstash::refusal::Refusal;

/// Names and values, decoded.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn read(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The names without a value.
    pub(super) fn empty(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, value)| value.split(',').all(|part| part.trim().is_empty()))
            .map(|(name, _)| name.as_str())
    }

    /// The last value of a name, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// The values of a name that is repeated.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(other, value)| other == name && !value.is_empty());
        values.map(|(_, value)| value.clone()).collect()
    }

    /// The values of a name that is repeated, or has commas in its value.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(other, _)| other == name);
        let parts = values.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    /// A number.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let invalid = |_| Refusal::invalid(format!("invalid {name}: should be a whole number, 0 or more"));
        self.get(name).map(|value| value.parse().map_err(invalid)).transpose()
    }

    /// The number of entries that are meant, from 1 to the most.
    pub(super) fn count(&self, most: usize) -> Result<Option<usize>, Refusal> {
        match self.number("count")? {
            Some(count) if !(1..=most).contains(&count) => {
                Err(Refusal::invalid(format!("invalid count: should be from 1 to {most}")))
            }
            count => Ok(count),
        }
    }

    /// The number in a cursor, `<milliseconds>-<number>`.
    pub(super) fn cursor(&self) -> Result<Option<u64>, Refusal> {
        let Some(cursor) = self.get("cursor") else { return Ok(None) };
        let number = cursor.split_once('-').and_then(|(_, number)| number.parse().ok());
        number.map(Some).ok_or_else(|| Refusal::invalid("invalid cursor"))
    }
}
