use crate::env::{self, VARIABLES, Variable};

/// Variables that other tools read, or that people remember, in the place of one of this crate's.
const KNOWN: &[(&str, Variable)] = &[
    ("UPSTASH_REDIS_URL", env::REDIS_URL),
    ("UPSTASH_REDIS_REST_API_URL", env::REDIS_URL),
    ("UPSTASH_REST_URL", env::REDIS_URL),
    ("UPSTASH_URL", env::REDIS_URL),
    ("REDIS_REST_URL", env::REDIS_URL),
    ("REDIS_URL", env::REDIS_URL),
    ("KV_URL", env::REDIS_URL),
    ("UPSTASH_REDIS_TOKEN", env::REDIS_TOKEN),
    ("UPSTASH_REDIS_REST_API_TOKEN", env::REDIS_TOKEN),
    ("UPSTASH_REST_TOKEN", env::REDIS_TOKEN),
    ("UPSTASH_TOKEN", env::REDIS_TOKEN),
    ("REDIS_REST_TOKEN", env::REDIS_TOKEN),
    ("UPSTASH_REDIS_REST_READ_ONLY_TOKEN", env::REDIS_TOKEN),
    ("KV_REST_API_READ_ONLY_TOKEN", env::REDIS_TOKEN),
    ("UPSTASH_QSTASH_URL", env::QSTASH_URL),
    ("UPSTASH_QSTASH_TOKEN", env::QSTASH_TOKEN),
    ("QSTASH_SIGNING_KEY", env::QSTASH_CURRENT_SIGNING_KEY),
    ("QSTASH_CURRENT_KEY", env::QSTASH_CURRENT_SIGNING_KEY),
    ("QSTASH_NEXT_KEY", env::QSTASH_NEXT_SIGNING_KEY),
];
/// Letters that a misspelt name may be away from the right one.
const MAX_DISTANCE: usize = 2;

/// Variables that are set and look like one that is read.
#[derive(Debug, Clone, Default)]
pub(super) struct NearMisses(Vec<(String, Variable)>);

impl NearMisses {
    /// Looks up the known names.
    pub(super) fn of(read: &mut impl FnMut(&str) -> Option<String>) -> Self {
        Self(
            KNOWN.iter().filter(|(name, _)| read(name).is_some()).map(|(name, of)| ((*name).to_owned(), *of)).collect(),
        )
    }

    /// Adds names that are misspelt.
    pub(super) fn look_through(&mut self, names: impl Iterator<Item = String>) {
        let is_read = |name: &str| VARIABLES.iter().any(|other| other.name == name || other.alias == Some(name));
        for name in names.filter(|name| !is_read(name)) {
            let is_near = |other: &str| distance(other, &name) <= MAX_DISTANCE;
            let misspelt =
                VARIABLES.iter().find(|variable| is_near(variable.name) || variable.alias.is_some_and(is_near));
            if let Some(variable) = misspelt {
                self.0.push((name, *variable));
            }
        }
    }

    /// The name of one that looks like `variable`.
    pub(super) fn of_variable(&self, variable: Variable) -> Option<&str> {
        self.0.iter().find(|(_, of)| *of == variable).map(|(name, _)| name.as_str())
    }
}

/// The letters to insert, remove or replace (Levenshtein), as far as it matters: names of other lengths are far.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > MAX_DISTANCE {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_names_are_found_and_others_are_not() {
        for (name, of) in [
            ("UPSTASH_REDIS_REST_URI", Some(env::REDIS_URL)),
            ("UPSTASH_REDIS_REST_TOKN", Some(env::REDIS_TOKEN)),
            ("UPSTAH_REDIS_REST_URL", Some(env::REDIS_URL)),
            ("upstash_redis_rest_url", Some(env::REDIS_URL)),
            ("KV_REST_API_URI", Some(env::REDIS_URL)),
            ("QSTASH_TOKENS", Some(env::QSTASH_TOKEN)),
            ("SESSION_SECRETS", Some(env::SESSION_SECRET)),
            ("UPSTASH_REDIS_REST_URL", None),
            ("KV_REST_API_URL", None),
            ("UPSTASH_VECTOR_REST_URL", None),
            ("PATH", None),
        ] {
            let mut misses = NearMisses::default();
            misses.look_through(std::iter::once(name.to_owned()));
            let found = VARIABLES.iter().find(|variable| misses.of_variable(**variable) == Some(name));
            assert_eq!(found.copied(), of, "{name}");
        }
    }

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("abc", "abc", 0), ("abc", "abd", 1), ("abc", "ac", 1), ("abc", "bcd", 2), ("a", "abcd", usize::MAX)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
