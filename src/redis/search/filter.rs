use crate::redis::{Cmd, ToArg};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Which documents are wanted.
///
/// Conditions on several fields have all to be met, and no condition takes the place of another: what would, such as the
/// same operator twice for one field, is an [`InvalidInput`](crate::ErrorKind::InvalidInput) error of the query, as is a
/// value that JSON does not have. [`and`](Self::and) takes filters that could not be one.
///
/// ```
/// use axum_upstash::redis::search::Filter;
///
/// let filter = Filter::new().smart("title", "rust").must_not([Filter::new().eq("author", "anonymous")]);
/// assert_eq!(
///     filter.to_string(),
///     r#"{"$mustNot":[{"author":{"$eq":"anonymous"}}],"title":{"$smart":"rust"}}"#
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct Filter {
    fields: Map<String, Value>,
    /// Why it cannot be sent.
    invalid: Option<&'static str>,
}

/// One operator for each line.
macro_rules! operators {
    ($($(#[$meta:meta])* $method:ident = $operator:literal,)*) => {$(
        $(#[$meta])*
        pub fn $method(self, field: impl Into<String>, value: impl Serialize) -> Self {
            self.operator(field.into(), $operator, value)
        }
    )*};
}

/// One way to put filters together for each line.
macro_rules! groups {
    ($($(#[$meta:meta])* $method:ident = $operator:literal,)*) => {$(
        $(#[$meta])*
        pub fn $method(mut self, filters: impl IntoIterator<Item = Self>) -> Self {
            let mut list = match self.fields.remove($operator) {
                None => Vec::new(),
                // Any of these and any of those is not any of all.
                Some(_) if $operator == "$or" => return self.refuse("a filter can have $or once: put others into $and"),
                Some(Value::Array(list)) => list,
                Some(one) => vec![one],
            };
            for filter in filters {
                self.invalid = self.invalid.or(filter.invalid);
                list.push(Value::Object(filter.fields));
            }
            self.fields.insert($operator.to_owned(), Value::Array(list));
            self
        }
    )*};
}

impl Filter {
    /// Every document.
    pub fn new() -> Self {
        Self::default()
    }

    /// A filter that is JSON already, for what the methods here lack. It has to be an object.
    pub fn raw(json: Value) -> Self {
        match json {
            Value::Object(fields) => Self { fields, invalid: None },
            _ => Self { fields: Map::new(), invalid: Some("a filter has to be a JSON object") },
        }
    }

    operators! {
        /// `$eq`: is this.
        eq = "$eq",
        /// `$in`: is one of a list.
        is_in = "$in",
        /// `$gt`: is more.
        gt = "$gt",
        /// `$gte`: is this or more.
        gte = "$gte",
        /// `$lt`: is less.
        lt = "$lt",
        /// `$lte`: is this or less.
        lte = "$lte",
        /// `$smart`: matches as people search, with all that the field's type allows.
        smart = "$smart",
        /// `$phrase`: has these words in a row.
        phrase = "$phrase",
        /// `$fuzzy`: has a word that is like this one.
        fuzzy = "$fuzzy",
        /// `$regex`: has a word that matches a regular expression.
        regex = "$regex",
    }

    /// `$phrase` that allows `slop` other words in between.
    pub fn phrase_with_slop(self, field: impl Into<String>, words: &str, slop: u32) -> Self {
        self.phrase(field, json!({ "value": words, "slop": slop }))
    }

    /// `$phrase` whose last word may be longer.
    pub fn phrase_prefix(self, field: impl Into<String>, words: &str) -> Self {
        self.phrase(field, json!({ "value": words, "prefix": true }))
    }

    /// `$fuzzy` with at most `distance` (1 or 2) letters that differ.
    pub fn fuzzy_within(self, field: impl Into<String>, word: &str, distance: u8) -> Self {
        self.fuzzy(field, json!({ "value": word, "distance": distance }))
    }

    /// `$boost`: multiplies the score of a field's conditions.
    pub fn boost_field(self, field: impl Into<String>, boost: f64) -> Self {
        self.operator(field.into(), "$boost", boost)
    }

    /// `$boost`: multiplies the score of this filter; a negative number lowers it.
    pub fn boost(mut self, boost: f64) -> Self {
        if !boost.is_finite() {
            return self.refuse(NO_JSON);
        }
        self.fields.insert("$boost".to_owned(), json!(boost));
        self
    }

    groups! {
        /// `$and`: all of them.
        and = "$and",
        /// `$or`: any of them. It does not go together with fields beside it.
        or = "$or",
        /// `$must`: all of them.
        must = "$must",
        /// `$should`: those that match raise the score.
        should = "$should",
        /// `$mustNot`: none of them.
        must_not = "$mustNot",
    }

    fn operator(mut self, field: String, operator: &str, value: impl Serialize) -> Self {
        // serde_json writes null for a number that is none.
        let Some(value) = serde_json::to_value(value).ok().filter(|value| !has_null(value)) else {
            return self.refuse(NO_JSON);
        };
        const TWICE: &str = "an operator is there twice for one field: put the filters into $and";
        let conditions = self.fields.entry(field).or_insert_with(|| Value::Object(Map::new()));
        match conditions {
            Value::Object(conditions) if conditions.contains_key(operator) => return self.refuse(TWICE),
            Value::Object(conditions) => {
                conditions.insert(operator.to_owned(), value);
            }
            _ if operator == "$smart" => return self.refuse(TWICE),
            // Only a raw filter has a value in short: `{"field": "value"}` is `$smart`.
            short => *short = json!({ "$smart": short.take(), operator: value }),
        }
        self
    }

    fn refuse(mut self, reason: &'static str) -> Self {
        self.invalid.get_or_insert(reason);
        self
    }
}

const NO_JSON: &str = "a value of the filter cannot be written as JSON";

/// Whether there is a null anywhere, which nothing can be compared with.
pub(super) fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

/// The JSON.
impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(&self.fields).unwrap_or_default())
    }
}

impl ToArg for Filter {
    fn write(&self, cmd: &mut Cmd) {
        if let Some(reason) = self.invalid {
            cmd.refuse(reason);
        }
        self.to_string().write(cmd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(filter: &Filter) -> Value {
        serde_json::from_str(&filter.to_string()).unwrap()
    }

    #[test]
    fn conditions_of_a_field_are_kept_together() {
        let filter = Filter::new().gte("price", 1.5).lt("price", 10).boost_field("price", -2.0);
        assert_eq!(parsed(&filter), json!({"price": {"$gte": 1.5, "$lt": 10, "$boost": -2.0}}));
        let filter = Filter::raw(json!({"title": "rust"})).fuzzy_within("title", "rsut", 2);
        let fuzzy = json!({"value": "rsut", "distance": 2});
        assert_eq!(parsed(&filter), json!({"title": {"$smart": "rust", "$fuzzy": fuzzy}}));
        let filter = Filter::new().phrase_with_slop("a", "b c", 1).phrase_prefix("d", "e");
        let (slop, prefix) = (json!({"value": "b c", "slop": 1}), json!({"value": "e", "prefix": true}));
        assert_eq!(parsed(&filter), json!({"a": {"$phrase": slop}, "d": {"$phrase": prefix}}));
    }

    #[test]
    fn no_condition_takes_the_place_of_another() {
        let (a, b) = (|| Filter::new().eq("a", 1), || Filter::new().eq("b", 2));
        let list = json!([{"a": {"$eq": 1}}, {"b": {"$eq": 2}}]);
        for (filter, group) in [
            (Filter::new().must([a()]).must([b()]), "$must"),
            (Filter::new().and([a()]).and([b()]), "$and"),
            (Filter::new().should([a()]).should([b()]), "$should"),
            (Filter::new().must_not([a()]).must_not([b()]), "$mustNot"),
            (Filter::raw(json!({"$must": {"a": {"$eq": 1}}})).must([b()]), "$must"),
        ] {
            assert_eq!(parsed(&filter), json!({ group: list }));
        }
        for filter in [
            Filter::new().or([a()]).or([b()]),
            a().eq("a", 2),
            Filter::raw(json!({"a": "x"})).smart("a", "y"),
            Filter::new().must([a().eq("a", 2)]),
        ] {
            assert!(Cmd::new("SEARCH.QUERY").arg(&filter).refused().is_some(), "{filter:?}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for filter in [
            Filter::new().eq("a", f64::NAN),
            Filter::new().is_in("a", [1.0, f64::INFINITY]),
            Filter::new().boost_field("a", f64::NAN),
            Filter::new().eq("a", None::<u8>),
            Filter::raw(json!([1])),
            Filter::new().boost(f64::NAN),
            Filter::new().and([Filter::new().eq("a", std::collections::BTreeMap::from([((1, 2), 3)]))]),
        ] {
            assert!(Cmd::new("SEARCH.QUERY").arg(&filter).refused().is_some(), "{filter:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_always_json_and_keeps_the_text(field in "\\PC*", text in "\\PC*", more in "\\PC*") {
            let filter = Filter::new().or([Filter::new().eq(&*field, &text), Filter::new().regex(&*more, &field)]);
            prop_assert_eq!(&parsed(&filter)["$or"][0][&field]["$eq"], &json!(text));
        }
    }
}
