/// The name of the query field that binds a run to a version of its workflow. QStash takes those that begin with `upstash-` as
/// its own.
const FIELD: &str = "workflow-version";

/// The versions of a workflow: the current one, and those that old runs are bound to.
#[derive(Debug)]
pub(super) struct Versions<F> {
    pub(super) name: Option<String>,
    pub(super) current: F,
    old: Vec<(Option<String>, F)>,
}

impl<F> Versions<F> {
    pub(super) fn new(current: F) -> Self {
        Self { name: None, current, old: Vec::new() }
    }

    /// Keeps another workflow, and the old versions of that one.
    pub(super) fn keep(&mut self, other: Self) {
        self.old.push((other.name, other.current));
        self.old.extend(other.old);
    }

    pub(super) fn map<G>(self, map: impl Fn(F) -> G) -> Versions<G> {
        Versions {
            name: self.name,
            current: map(self.current),
            old: self.old.into_iter().map(|(name, function)| (name, map(function))).collect(),
        }
    }

    /// The version that a run which begins is bound to.
    pub(super) fn of_new_run(&self) -> (&F, Option<&str>) {
        (&self.current, self.name.as_deref())
    }

    /// The function of a run under way. `None` if there is none of that version any more.
    pub(super) fn of_run(&self, version: Option<&str>) -> Option<&F> {
        if self.name.as_deref() == version {
            return Some(&self.current);
        }
        self.old.iter().find(|(name, _)| name.as_deref() == version).map(|(_, function)| function)
    }
}

impl<F: Clone> Clone for Versions<F> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), current: self.current.clone(), old: self.old.clone() }
    }
}

/// A URL without its version, and that version.
pub(super) fn split(url: &str) -> (String, Option<String>) {
    let Some((path, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let is_version = |field: &&str| field.strip_prefix(FIELD).is_some_and(|rest| rest.starts_with('='));
    let Some(field) = query.split('&').find(is_version) else { return (url.to_owned(), None) };
    let rest: Vec<&str> = query.split('&').filter(|field| !is_version(field)).collect();
    let version = field[FIELD.len() + 1..].to_owned();
    let url = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    (url, Some(version))
}

/// A URL with a version.
pub(super) fn joined(url: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{url}{}{FIELD}={version}", if url.contains('?') { '&' } else { '?' }),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_its_version_and_nothing_else_is_changed() {
        for (url, version, with) in [
            ("https://a.example/order", Some("v2"), "https://a.example/order?workflow-version=v2"),
            ("https://a.example/order?x=1", Some("v2"), "https://a.example/order?x=1&workflow-version=v2"),
            ("https://a.example/order?x=1&y", None, "https://a.example/order?x=1&y"),
            ("https://a.example/order", None, "https://a.example/order"),
        ] {
            assert_eq!(joined(url, version), with);
            assert_eq!(split(with), (url.to_owned(), version.map(str::to_owned)));
        }
        let (url, version) = split("https://a.example/?workflow-version=v1&x=1");
        assert_eq!((&*url, version.as_deref()), ("https://a.example/?x=1", Some("v1")));
    }

    #[test]
    fn runs_keep_the_function_that_they_began_with() {
        let versions =
            |name: Option<&str>, current| Versions { name: name.map(str::to_owned), current, old: Vec::new() };
        let mut second = versions(Some("v2"), 2);
        second.keep(versions(None, 1));
        let mut third = versions(Some("v3"), 3);
        third.keep(second);
        assert_eq!(third.of_new_run(), (&3, Some("v3")));
        assert_eq!(third.of_run(Some("v3")), Some(&3));
        assert_eq!(third.of_run(Some("v2")), Some(&2));
        assert_eq!(third.of_run(None), Some(&1));
        assert_eq!(third.of_run(Some("v0")), None);
    }
}
