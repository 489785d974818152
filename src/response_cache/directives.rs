use http::{HeaderMap, header};

/// The largest number of seconds that counts; more is as good as this (RFC 9111 1.2.2).
const MAX_SECONDS: u64 = 1 << 31;

/// What `Cache-Control` says, of a request or a response (RFC 9111 5.2).
///
/// If the field contradicts itself, the most restrictive reading wins (4.2.1), and an invalid number is 0. The
/// qualified forms `private="field"` and `no-cache="field"` count as the unqualified ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) must_understand: bool,
    pub(super) only_if_cached: bool,
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) min_fresh: Option<u64>,
}

impl Directives {
    pub(super) fn of_response(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(header::CACHE_CONTROL) {
            directives.read(line.as_bytes());
        }
        directives
    }

    pub(super) fn of_request(headers: &HeaderMap) -> Self {
        let mut directives = Self::of_response(headers);
        // `Pragma` counts only if there is no `Cache-Control` (RFC 9111 5.4).
        if !headers.contains_key(header::CACHE_CONTROL) {
            directives.no_cache = headers.get_all(header::PRAGMA).iter().any(|line| {
                line.as_bytes().split(|&byte| byte == b',').any(|member| trim(member).eq_ignore_ascii_case(b"no-cache"))
            });
        }
        directives
    }

    fn read(&mut self, line: &[u8]) {
        let mut rest = line;
        while !rest.is_empty() {
            let (member, tail, is_closed) = split_member(rest);
            // A quote that never ends hides what came after it, which may have been anything.
            self.no_store |= !is_closed;
            self.add(trim(member));
            rest = tail;
        }
    }

    fn add(&mut self, member: &[u8]) {
        let (name, value) = match member.iter().position(|&byte| byte == b'=') {
            Some(at) => (&member[..at], Some(&member[at + 1..])),
            None => (member, None),
        };
        // No space belongs around `=`; the number is then not one, but the directive is still meant.
        let is_spaced = name.ends_with(b" ") || name.ends_with(b"\t");
        let value = value.filter(|_| !is_spaced);
        match trim(name).to_ascii_lowercase().as_slice() {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => least(&mut self.max_age, seconds(value)),
            b"s-maxage" => least(&mut self.s_maxage, seconds(value)),
            b"min-fresh" => self.min_fresh = Some(self.min_fresh.unwrap_or(0).max(seconds(value))),
            _ => {}
        }
    }
}

/// The first member of a list, the rest after its comma, and whether every quote was closed.
fn split_member(list: &[u8]) -> (&[u8], &[u8], bool) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (index, &byte) in list.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return (&list[..index], &list[index + 1..], true),
            _ => {}
        }
    }
    (list, &[], !is_quoted)
}

fn trim(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

fn least(slot: &mut Option<u64>, value: u64) {
    *slot = Some(slot.map_or(value, |other| other.min(value)));
}

fn seconds(value: Option<&[u8]>) -> u64 {
    let Some(value) = value else { return 0 };
    let digits = match value {
        [b'"', inner @ .., b'"'] => inner,
        token => token,
    };
    parse_seconds(digits).unwrap_or(0)
}

/// A non-negative integer, saturating.
pub(super) fn parse_seconds(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(value.min(MAX_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn response(lines: &[&'static str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_static(line));
        }
        Directives::of_response(&headers)
    }

    #[test]
    fn numbers_as_the_field_writes_them() {
        for (line, max_age) in [
            ("max-age=60", Some(60)),
            ("MAX-AGE=60", Some(60)),
            ("max-age=\"60\"", Some(60)),
            ("max-age=0060", Some(60)),
            (" ,, max-age=60 ,", Some(60)),
            ("max-age=99999999999999999999999", Some(MAX_SECONDS)),
            ("max-age=-1", Some(0)),
            ("max-age='60'", Some(0)),
            ("max-age=60.5", Some(0)),
            ("max-age=60a", Some(0)),
            ("max-age=", Some(0)),
            ("max-age", Some(0)),
            ("max-age =60", Some(0)),
            ("max-age= 60", Some(0)),
            ("max-age=60, max-age=5", Some(5)),
            ("max-age=5, max-age=60", Some(5)),
            ("ext=\"max-age=3600\"", None),
            ("ext=\"a, max-age=3600, \\\" b\", max-age=1", Some(1)),
            ("xmax-age=60", None),
        ] {
            assert_eq!(response(&[line]).max_age, max_age, "{line}");
        }
    }

    #[test]
    fn lines_are_one_list_and_none_hides_another() {
        let both = response(&["max-age=60", "No-Store, private=\"set-cookie\""]);
        assert_eq!((both.max_age, both.no_store, both.private), (Some(60), true, true));
        assert!(response(&["ext=\"open", "max-age=60"]).no_store);
        assert!(!response(&["ext=\"no-store\""]).no_store);
    }

    #[test]
    fn pragma_counts_only_alone() {
        let mut headers = HeaderMap::new();
        headers.insert(header::PRAGMA, HeaderValue::from_static("foo, No-Cache"));
        assert!(Directives::of_request(&headers).no_cache);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=5"));
        assert!(!Directives::of_request(&headers).no_cache);
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in proptest::collection::vec(any::<u8>(), 0..64)) {
            Directives::default().read(&line);
        }

        #[test]
        fn no_store_is_never_lost(before in "[a-z=\"\\\\, ]{0,24}") {
            let mut directives = Directives::default();
            directives.read(format!("no-store, {before}").as_bytes());
            prop_assert!(directives.no_store);
        }
    }
}
