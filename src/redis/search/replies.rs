use crate::{
    Error, ErrorKind,
    redis::{FromReply, Pairs, Reply, ReplyTypeError},
};
use serde::de::DeserializeOwned;

/// A document that a query found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Hit {
    /// Its key.
    pub key: String,
    /// The relevance, or the value that hits are ordered by.
    pub score: f64,
    /// The fields, or one called `$` with the whole document; empty if no content was requested.
    pub fields: Vec<(String, String)>,
}

impl Hit {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// The whole document of an index of JSON or of strings.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if there is none, or it is not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = self.get("$").ok_or_else(|| Error::new(ErrorKind::Decode, "the hit has no document"))?;
        serde_json::from_str(text)
            .map_err(|_| Error::new(ErrorKind::Decode, "the document of the hit is not of the named type"))
    }
}

impl FromReply for Hit {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let mut items = Vec::<Reply>::from_reply(reply)?.into_iter();
        let mut next = || items.next().unwrap_or(Reply::Nil);
        let (key, score) = (String::from_reply(next())?, f64::from_reply(next())?);
        let fields = Option::<Vec<(String, String)>>::from_reply(next())?.unwrap_or_default();
        Ok(Self { key, score, fields })
    }
}

/// The description of an index.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Description {
    /// Its name.
    pub name: String,
    /// The type of the indexed keys: `json`, `hash`, `string` or `stream`.
    pub of: String,
    /// Its prefixes.
    pub prefixes: Vec<String>,
    /// Its language.
    pub language: String,
    /// Each field, its type and its options.
    pub schema: Vec<(String, Vec<String>)>,
}

impl FromReply for Description {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let mut description = Self::default();
        for (name, value) in Pairs::<String, Reply>::from_reply(reply)?.0 {
            match name.to_ascii_lowercase().as_str() {
                "name" => description.name = String::from_reply(value)?,
                "type" => description.of = String::from_reply(value)?.to_ascii_lowercase(),
                "prefixes" => description.prefixes = Vec::from_reply(value)?,
                "language" => description.language = String::from_reply(value)?,
                "schema" => {
                    for mut words in Vec::<Vec<String>>::from_reply(value)? {
                        if !words.is_empty() {
                            description.schema.push((words.remove(0), words));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(description)
    }
}

/// An index in a list of them: its name, and what it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexEntry {
    /// Its name.
    pub name: String,
    /// The type of the indexed keys.
    pub of: String,
}

impl FromReply for IndexEntry {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let Pairs(pairs) = Pairs::<String, String>::from_reply(reply)?;
        let value = |of: &str| {
            let found = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(of));
            found.map_or_else(String::new, |(_, value)| value.clone())
        };
        Ok(Self { name: value("name"), of: value("type").to_ascii_lowercase() })
    }
}

/// The results of an aggregation, by the names in the request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AggregateResult(pub Vec<(String, AggregateValue)>);

/// A value of an aggregation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AggregateValue {
    /// None.
    Nil,
    /// A number.
    Number(f64),
    /// Text that is no number.
    Text(String),
    /// Values with names: a metric's, or those of one part.
    Values(AggregateResult),
    /// The parts of a bucket.
    Buckets(Vec<AggregateResult>),
    /// A list of something else.
    List(Vec<AggregateValue>),
}

impl AggregateResult {
    /// The value under a name, or under names inside each other, with dots between them.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&AggregateValue> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        match (rest, value) {
            (None, value) => Some(value),
            (Some(rest), AggregateValue::Values(inner)) => inner.get(rest),
            _ => None,
        }
    }

    /// The number there.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<f64> {
        match self.get(path)? {
            AggregateValue::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The parts there.
    #[must_use]
    pub fn buckets(&self, name: &str) -> Option<&[AggregateResult]> {
        match self.get(name)? {
            AggregateValue::Buckets(buckets) => Some(buckets),
            AggregateValue::Values(inner) => match inner.get("buckets")? {
                AggregateValue::Buckets(buckets) => Some(buckets),
                _ => None,
            },
            _ => None,
        }
    }
}

impl FromReply for AggregateResult {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let Pairs(values) = Pairs::<String, Reply>::from_reply(reply)?;
        values
            .into_iter()
            .map(|(name, value)| Ok((name.clone(), named(&name, value)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl FromReply for AggregateValue {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        Ok(match reply {
            Reply::Nil => Self::Nil,
            Reply::Array(items) => list(items)?,
            reply => {
                let text = String::from_reply(reply)?;
                // Only what JSON calls a number: "007" and "nan" are text.
                serde_json::from_str(&text).map_or(Self::Text(text), Self::Number)
            }
        })
    }
}

/// A value by its name: parts are a list, and the key of a part is what it is, however much it looks like a number.
fn named(name: &str, value: Reply) -> Result<AggregateValue, ReplyTypeError> {
    match value {
        Reply::Array(parts) if name == "buckets" => {
            parts.into_iter().map(AggregateResult::from_reply).collect::<Result<_, _>>().map(AggregateValue::Buckets)
        }
        Reply::Bulk(_) if name == "key" => String::from_reply(value).map(AggregateValue::Text),
        value => AggregateValue::from_reply(value),
    }
}

/// Names and values in turn, or a list.
fn list(items: Vec<Reply>) -> Result<AggregateValue, ReplyTypeError> {
    let in_turn = items.len().is_multiple_of(2) && items.iter().step_by(2).all(|name| matches!(name, Reply::Bulk(_)));
    if !in_turn || items.is_empty() {
        return items.into_iter().map(AggregateValue::from_reply).collect::<Result<_, _>>().map(AggregateValue::List);
    }
    let mut values = Vec::new();
    for (name, value) in Pairs::<String, Reply>::from_reply(Reply::Array(items))?.0 {
        let value = named(&name, value)?;
        values.push((name, value));
    }
    Ok(AggregateValue::Values(AggregateResult(values)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(text.into())
    }

    fn array<const N: usize>(items: [Reply; N]) -> Reply {
        Reply::Array(items.into())
    }

    #[test]
    fn hits_have_a_document_fields_or_nothing() {
        let document = array([bulk("$"), bulk(r#"{"title":"Rust"}"#)]);
        let hit = Hit::from_reply(array([bulk("book:1"), bulk("1.5"), array([document])])).unwrap();
        assert_eq!((hit.key.as_str(), hit.score), ("book:1", 1.5));
        assert_eq!(hit.json::<serde_json::Value>().unwrap()["title"], "Rust");
        let bare = Hit::from_reply(array([bulk("book:1"), bulk("2")])).unwrap();
        assert_eq!(bare.fields, []);
        assert_eq!(bare.json::<serde_json::Value>().unwrap_err().kind(), ErrorKind::Decode);
        assert!(Hit::from_reply(array([bulk("book:1")])).is_err());
    }

    #[test]
    fn an_index_is_described() {
        let description = Description::from_reply(array([
            bulk("name"),
            bulk("books"),
            bulk("type"),
            bulk("JSON"),
            bulk("prefixes"),
            array([bulk("book:")]),
            bulk("language"),
            bulk("english"),
            bulk("schema"),
            array([array([bulk("price"), bulk("F64"), bulk("FAST")])]),
        ]))
        .unwrap();
        assert_eq!(description.of, "json");
        assert_eq!(description.schema, [("price".to_owned(), vec!["F64".to_owned(), "FAST".to_owned()])]);
    }

    #[test]
    fn keys_of_parts_and_what_is_no_number_stay_text() {
        let part = array([bulk("key"), bulk("007"), bulk("other"), bulk("nan"), bulk("count"), bulk("1.5")]);
        let result = AggregateResult::from_reply(part).unwrap();
        assert_eq!(result.get("key"), Some(&AggregateValue::Text("007".into())));
        assert_eq!(result.get("other"), Some(&AggregateValue::Text("nan".into())));
        assert_eq!(result.number("count"), Some(1.5));
    }

    #[test]
    fn aggregations_are_a_tree_of_numbers() {
        let part = |key, count, sum| {
            array([
                bulk("key"),
                bulk(key),
                bulk("docCount"),
                Reply::Int(count),
                bulk("sum"),
                array([bulk("value"), bulk(sum)]),
            ])
        };
        let result = AggregateResult::from_reply(array([
            bulk("cheapest"),
            array([bulk("value"), bulk("9.5")]),
            bulk("authors"),
            array([
                bulk("buckets"),
                array([part("ann", 2, "20"), part("bob", 1, "9.5")]),
                bulk("sumOtherDocCount"),
                Reply::Int(3),
            ]),
        ]))
        .unwrap();
        assert_eq!(result.number("cheapest.value"), Some(9.5));
        assert_eq!(result.number("authors.sumOtherDocCount"), Some(3.0));
        let parts = result.buckets("authors").unwrap();
        assert_eq!(parts[0].get("key"), Some(&AggregateValue::Text("ann".into())));
        assert_eq!((parts[1].number("docCount"), parts[1].number("sum.value")), (Some(1.0), Some(9.5)));
    }
}
