use super::key::Key;
use crate::hex::hex;
use http::{HeaderMap, HeaderName, header};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Which request headers choose among the variants of a resource (RFC 9111 4.1).
///
/// It is the record under the resource's key. `generation` is part of the names of its variants and never used twice,
/// so that deleting this one record makes all of them unreachable, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VarySpec {
    /// Sorted, each once.
    pub(super) names: Vec<HeaderName>,
    pub(super) generation: u64,
    pub(super) until_ms: u64,
}

impl VarySpec {
    /// Whether a variant chosen by `names`, and kept until `until_ms`, has its place under this record.
    pub(super) fn covers(&self, names: &[HeaderName], until_ms: u64) -> bool {
        self.until_ms >= until_ms && names.iter().all(|name| self.names.contains(name))
    }

    /// The key of the variant for a request.
    pub(super) fn variant(&self, primary: &Key, request: &HeaderMap) -> Arc<str> {
        let mut hash = Sha256::new();
        hash.update(self.generation.to_be_bytes());
        for name in &self.names {
            // No value counts as long as the end.
            let end = u64::MAX.to_be_bytes();
            let mut add = |value: &[u8]| {
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(value);
            };
            add(name.as_str().as_bytes());
            let lines = request.get_all(name).iter().map(|line| line.as_bytes());
            match LISTS.contains(name) {
                true => lines.flat_map(members).for_each(add),
                false => lines.for_each(add),
            }
            hash.update(end);
        }
        format!("{}:{}", primary.as_str(), hex(&hash.finalize()[..16])).into()
    }
}

/// Headers whose lines, commas and spaces around commas have no meaning. In others they may: in a cookie, a comma is a
/// part of the value.
const LISTS: [HeaderName; 4] =
    [header::ACCEPT, header::ACCEPT_CHARSET, header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE];

fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// The request headers that `Vary` names, sorted; `None` for `*`, and for what cannot be a header's name.
pub(super) fn names(response: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for line in response.get_all(header::VARY) {
        for member in line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            match member {
                b"" => {}
                b"*" => return None,
                name => names.push(HeaderName::from_bytes(name).ok()?),
            }
        }
    }
    sort(&mut names);
    Some(names)
}

pub(super) fn sort(names: &mut Vec<HeaderName>) {
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, Request};
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn spec(names: &[&'static str], generation: u64) -> VarySpec {
        VarySpec { names: names.iter().copied().map(HeaderName::from_static).collect(), generation, until_ms: 100 }
    }

    fn variant(spec: &VarySpec, request: &HeaderMap) -> Arc<str> {
        spec.variant(
            &Key::of("p", &crate::response_cache::QueryKey::all(), &Request::get("/").body(()).unwrap()),
            request,
        )
    }

    #[test]
    fn names_are_one_sorted_list() {
        let names = |pairs: &[(&'static str, &'static str)]| names(&headers(pairs));
        assert_eq!(names(&[]), Some(vec![]));
        assert_eq!(
            names(&[("vary", "Accept-Language , accept"), ("vary", ", ACCEPT")]),
            Some(vec![header::ACCEPT, header::ACCEPT_LANGUAGE])
        );
        assert_eq!(names(&[("vary", "accept"), ("vary", "")]), Some(vec![header::ACCEPT]));
        assert_eq!(names(&[("vary", "accept"), ("vary", "foo, *")]), None);
        assert_eq!(names(&[("vary", "acc ept")]), None);
    }

    #[test]
    fn only_what_the_header_says_matters() {
        let spec = spec(&["accept", "x-a"], 1);
        let base = variant(&spec, &headers(&[("accept", "a,b")]));
        assert_eq!(base, variant(&spec, &headers(&[("accept", " a , b"), ("x-other", "1")])));
        assert_eq!(base, variant(&spec, &headers(&[("accept", "a"), ("accept", "b")])));
        for other in [&[("accept", "b,a")][..], &[("accept", "a,b"), ("x-a", "")], &[], &[("x-a", "a,b")]] {
            assert_ne!(base, variant(&spec, &headers(other)), "{other:?}");
        }
    }

    #[test]
    fn what_is_no_list_counts_as_it_is() {
        for name in ["cookie", "authorization", "x-a"] {
            let spec = spec(&[name], 1);
            let of = |values: &[&'static str]| {
                let pairs: Vec<_> = values.iter().map(|value| (name, *value)).collect();
                variant(&spec, &headers(&pairs))
            };
            let all = [&["a,b"][..], &["a, b"], &["a ,b"], &["a", "b"], &["b", "a"], &["a,", "b"], &["ab"], &[""], &[]];
            for (index, one) in all.iter().enumerate() {
                assert_eq!(of(one), of(one));
                for other in &all[..index] {
                    assert_ne!(of(one), of(other), "{name}: {one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_new_generation_has_new_variants() {
        let request = headers(&[("accept", "a")]);
        assert_ne!(variant(&spec(&["accept"], 1), &request), variant(&spec(&["accept"], 2), &request));
    }

    #[test]
    fn a_record_covers_fewer_names_and_a_shorter_life() {
        let spec = spec(&["accept", "x-a"], 1);
        assert!(spec.covers(&[header::ACCEPT], 100));
        assert!(!spec.covers(&[header::ACCEPT], 101));
        assert!(!spec.covers(&[header::COOKIE], 100));
    }

    proptest! {
        #[test]
        fn two_values_that_differ_are_two_variants(a in "[a-z,]{0,8}", b in "[a-z,]{0,8}") {
            let spec = spec(&["x-a"], 1);
            let request = |value: &str| HeaderMap::from_iter([(HeaderName::from_static("x-a"), value.parse().unwrap())]);
            prop_assert_eq!(variant(&spec, &request(&a)) == variant(&spec, &request(&b)), a == b);
        }

        #[test]
        fn any_vary_is_read(line in proptest::collection::vec(32_u8..=255, 0..40)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                names(&HeaderMap::from_iter([(header::VARY, value)]));
            }
        }
    }
}
