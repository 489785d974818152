use percent_encoding::percent_decode_str;
use std::{borrow::Cow, sync::Arc};

/// The query parameters that tell one resource from another: all of them, some, or none.
///
/// Requests that differ in other parameters only share one stored response. So name every parameter that the handler
/// reads: it sees the whole query string, and answers the first such request for all.
///
/// By default the query string counts as it is, as RFC 9111 has it. Then each client can have as many responses stored as
/// it makes up query strings, up to the capacity of the store.
///
/// ```
/// use axum_upstash::{Upstash, response_cache::QueryKey};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let list = upstash
///     .response_cache_layer(Duration::from_secs(60))
///     .with_query_key(QueryKey::only(["page", "sort"]).sorted());
/// # drop(list);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct QueryKey {
    choice: Choice,
    is_sorted: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Choice {
    #[default]
    All,
    Only(Arc<[String]>),
    Except(Arc<[String]>),
}

impl QueryKey {
    /// The query string as it is.
    pub fn all() -> Self {
        Self::default()
    }

    /// No query parameter: a path is one resource.
    pub fn none() -> Self {
        Self::only::<String>([])
    }

    /// The parameters with these names, in any number.
    pub fn only<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { choice: Choice::Only(names.into_iter().map(Into::into).collect()), is_sorted: false }
    }

    /// All parameters but those with these names, such as `utm_source`.
    pub fn except<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { choice: Choice::Except(names.into_iter().map(Into::into).collect()), is_sorted: false }
    }

    /// Ignores the order of parameters with different names. Those with one name keep theirs.
    pub fn sorted(mut self) -> Self {
        self.is_sorted = true;
        self
    }

    /// Path and query as they name the resource.
    pub(super) fn target<'a>(&self, path_and_query: &'a str) -> Cow<'a, str> {
        if *self == Self::default() {
            return path_and_query.into();
        }
        let Some((path, query)) = path_and_query.split_once('?') else { return path_and_query.into() };
        let mut pairs: Vec<(Cow<'_, str>, &str)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| (name(pair), pair))
            .filter(|(name, _)| self.counts(name))
            .collect();
        if self.is_sorted {
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        let mut target = path.to_owned();
        for (index, (_, pair)) in pairs.into_iter().enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(pair);
        }
        target.into()
    }

    fn counts(&self, name: &str) -> bool {
        match &self.choice {
            Choice::All => true,
            Choice::Only(names) => names.iter().any(|other| other == name),
            Choice::Except(names) => !names.iter().any(|other| other == name),
        }
    }
}

/// The name of a parameter as forms encode it (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>).
fn name(pair: &str) -> Cow<'_, str> {
    let name = pair.split('=').next().unwrap_or(pair);
    if !name.contains(['%', '+']) {
        return name.into();
    }
    let spaced = name.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let only = QueryKey::only(["page", "a b"]);
        let except = QueryKey::except(["utm_source"]);
        for (key, target, expected) in [
            (QueryKey::all(), "/x?b=1&a=2&", "/x?b=1&a=2&"),
            (QueryKey::all().sorted(), "/x?b=1&a=2&b=0&", "/x?a=2&b=1&b=0"),
            (QueryKey::none(), "/x?b=1&a=2", "/x"),
            (QueryKey::none(), "/x?", "/x"),
            (QueryKey::none(), "/x", "/x"),
            (only.clone(), "/x?q=1&page=2&page=3", "/x?page=2&page=3"),
            (only.clone(), "/x?p%61ge=2&a+b=1&a%20b&Page=1", "/x?p%61ge=2&a+b=1&a%20b"),
            (only.clone(), "/x?page", "/x?page"),
            (only.sorted(), "/x?page=2&a+b=1", "/x?a+b=1&page=2"),
            (except.clone(), "/x?utm_source=a&b=1&utm_source", "/x?b=1"),
            (except, "/x?utm%5Fsource=a", "/x"),
        ] {
            assert_eq!(key.target(target), expected, "{key:?} {target}");
        }
    }
}
