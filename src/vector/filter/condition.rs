use super::{Filter, FilterValue, value::quoted};

/// A field of the metadata, to make a [`Filter`] of.
///
/// ```
/// use axum_upstash::vector::field;
///
/// for (filter, text) in [
///     (field("n").gt(0.5), "n > 0.5"),
///     (field("name").glob("A*"), "name GLOB 'A*'"),
///     (field("n").is_in([1, 2]), "n IN (1, 2)"),
///     (field("tags").contains("new"), "tags CONTAINS 'new'"),
///     (field("tags[0]").eq("it's"), "tags[0] = \"it's\""),
///     (field("a.b").exists(), "HAS FIELD a.b"),
/// ] {
///     assert_eq!(filter.to_string(), text);
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Field(Result<String, &'static str>);

/// A field by its path: `name`, `geo.continent`, `tags[0]`, or `tags[#-1]` for the last one of a list.
///
/// A key with other characters than ASCII letters, digits, `_` and `-` cannot be named in a filter: sending one fails.
pub fn field(path: impl Into<String>) -> Field {
    let path = path.into();
    Field(if is_path(&path) {
        Ok(path)
    } else {
        Err(
            "a filter names a field that it cannot: only ASCII letters, digits, _ and - , dots, and indices in brackets",
        )
    })
}

/// Whether the language can name that path. Words of the language, such as `HAS`, are for the service to refuse.
fn is_path(path: &str) -> bool {
    let is_key =
        |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let is_index = |index: &str| {
        let digits = index.strip_prefix("#-").unwrap_or(index);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let is_part = |part: &str| {
        let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        let is_list = |rest: &str| rest.strip_suffix(']').is_some_and(|rest| rest.split("][").all(is_index));
        is_key(key) && (indices.is_empty() || indices.strip_prefix('[').is_some_and(is_list))
    };
    let is_first = path.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    is_first && path.split('.').all(is_part)
}

impl Field {
    /// The field is equal to the value.
    pub fn eq(self, value: impl Into<FilterValue>) -> Filter {
        self.compared("=", value)
    }

    /// The field is there, and not equal to the value.
    pub fn ne(self, value: impl Into<FilterValue>) -> Filter {
        self.compared("!=", value)
    }

    /// The field is a number less than this one.
    pub fn lt(self, value: impl Into<FilterValue>) -> Filter {
        self.ordered("<", value)
    }

    /// The field is a number less than this one, or equal to it.
    pub fn le(self, value: impl Into<FilterValue>) -> Filter {
        self.ordered("<=", value)
    }

    /// The field is a number greater than this one.
    pub fn gt(self, value: impl Into<FilterValue>) -> Filter {
        self.ordered(">", value)
    }

    /// The field is a number greater than this one, or equal to it.
    pub fn ge(self, value: impl Into<FilterValue>) -> Filter {
        self.ordered(">=", value)
    }

    /// The field is a text that the pattern matches as a whole: `*` any characters, `?` one, `[abc]`, `[a-z]`, `[^a]`.
    /// What a user writes has such characters as well.
    pub fn glob(self, pattern: impl AsRef<str>) -> Filter {
        self.matched("GLOB", pattern.as_ref())
    }

    /// The field is there, and no text that the pattern matches.
    pub fn not_glob(self, pattern: impl AsRef<str>) -> Filter {
        self.matched("NOT GLOB", pattern.as_ref())
    }

    /// The field is equal to one of the values. The service refuses lists of 1,000.
    pub fn is_in<T: Into<FilterValue>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        self.listed("IN", values)
    }

    /// The field is there, and equal to none of the values.
    pub fn not_in<T: Into<FilterValue>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        self.listed("NOT IN", values)
    }

    /// The field is a list with the value in it.
    pub fn contains(self, value: impl Into<FilterValue>) -> Filter {
        self.compared("CONTAINS", value)
    }

    /// The field is there, and no list with the value in it.
    pub fn not_contains(self, value: impl Into<FilterValue>) -> Filter {
        self.compared("NOT CONTAINS", value)
    }

    /// The field is there, whatever it holds.
    pub fn exists(self) -> Filter {
        Filter::condition(self.0.map(|path| format!("HAS FIELD {path}")))
    }

    /// The field is not there.
    pub fn is_missing(self) -> Filter {
        Filter::condition(self.0.map(|path| format!("HAS NOT FIELD {path}")))
    }

    fn compared(self, operator: &str, value: impl Into<FilterValue>) -> Filter {
        let value = value.into().literal();
        Filter::condition(self.0.and_then(|path| Ok(format!("{path} {operator} {}", value?))))
    }

    fn ordered(self, operator: &str, value: impl Into<FilterValue>) -> Filter {
        let value = value.into();
        if value.is_number() {
            return self.compared(operator, value);
        }
        Filter::condition(Err("a filter asks whether a field is less or greater than what is no number"))
    }

    fn matched(self, operator: &str, pattern: &str) -> Filter {
        Filter::condition(self.0.and_then(|path| Ok(format!("{path} {operator} {}", quoted(pattern)?))))
    }

    fn listed<T: Into<FilterValue>>(self, operator: &str, values: impl IntoIterator<Item = T>) -> Filter {
        let values: Result<Vec<String>, _> = values.into_iter().map(|value| value.into().literal()).collect();
        let condition = |path: String| match values {
            Ok(values) if values.is_empty() => Err("a filter has a list without values"),
            values => Ok(format!("{path} {operator} ({})", values?.join(", "))),
        };
        Filter::condition(self.0.and_then(condition))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_the_language_can_name_are_taken() {
        for path in ["a", "_a", "a.b", "a-b.c", "a[0]", "a[0][#-1].b", "A1"] {
            assert!(is_path(path), "{path}");
        }
        for path in ["", ".a", "a.", "a..b", "1a", "a b", "a[]", "a[", "a]", "a[x]", "a[0]b", "a = 1 OR b", "ü", "a'"]
        {
            assert!(!is_path(path), "{path}");
            assert!(field(path).eq(1).into_text().is_err());
        }
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_stays_one() {
        for filter in [
            field("a").eq("both ' and \""),
            field("a").lt(f64::NAN),
            field("a").lt("text"),
            field("a").is_in(Vec::<String>::new()),
            field("a").eq(1) & field("b").eq("'\""),
            field("a").eq("'\"") | Filter::raw(""),
        ] {
            assert!(!filter.to_string().is_empty());
            assert!(filter.into_text().is_err());
        }
        for (value, expected) in [
            (FilterValue::from("a\\"), r"'a\\'"),
            (FilterValue::from(r"a\b"), r"'a\b'"),
            (FilterValue::from(r"a\'b"), r#""a\\'b""#),
            (FilterValue::from(1e300), &*1e300.to_string()),
            (FilterValue::from(0.1_f32), "0.1"),
            (FilterValue::from(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(value.literal().unwrap(), expected);
        }
    }

    #[test]
    fn parts_are_put_in_parentheses_when_they_need_them() {
        let (a, b, c) = (|| field("a").eq(1), || field("b").eq(2), || field("c").eq(3));
        for (filter, expected) in [
            (a() & b() & c(), "a = 1 AND b = 2 AND c = 3"),
            (a() | b() | c(), "a = 1 OR b = 2 OR c = 3"),
            (a() & (b() | c()), "a = 1 AND (b = 2 OR c = 3)"),
            (a() & b() | c(), "(a = 1 AND b = 2) OR c = 3"),
            (Filter::raw("x = 1 OR y = 2") & a(), "(x = 1 OR y = 2) AND a = 1"),
            (Filter::all([]) & a(), "a = 1"),
            (Filter::all([a(), b()]), "a = 1 AND b = 2"),
            (Filter::any([a(), b()]).unwrap(), "a = 1 OR b = 2"),
            (Filter::raw("") | a(), ""),
        ] {
            assert_eq!(filter.into_text().unwrap(), expected);
        }
    }
}
