use bytes::Bytes;
use http::Uri;
use percent_encoding::percent_decode_str;

const TOKEN: &[u8] = b"_token";

/// The kind of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamKind {
    Subscribe,
    PSubscribe,
    Monitor,
}

impl StreamKind {
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Subscribe => "SUBSCRIBE",
            Self::PSubscribe => "PSUBSCRIBE",
            Self::Monitor => "MONITOR",
        }
    }
}

/// What a request is for, by the path as it was sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A command in the body, as a JSON array.
    Body,
    /// A command in the path, one argument per segment, and in the rest of the request.
    Path(Vec<Bytes>),
    Pipeline,
    MultiExec,
    /// An endpoint that streams events, and the channels or patterns behind it.
    Stream(StreamKind, Vec<Bytes>),
    /// An endpoint with something behind its name.
    Unknown,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Self {
        let mut segments = uri.path().split('/').filter(|segment| !segment.is_empty());
        let endpoint = match segments.next() {
            None => return Self::Body,
            Some("pipeline") => Self::Pipeline,
            Some("multi-exec") => Self::MultiExec,
            Some("subscribe") => return Self::Stream(StreamKind::Subscribe, segments.map(decode).collect()),
            Some("psubscribe") => return Self::Stream(StreamKind::PSubscribe, segments.map(decode).collect()),
            Some("monitor") => Self::Stream(StreamKind::Monitor, Vec::new()),
            Some(name) => {
                let words = std::iter::once(name).chain(segments);
                return Self::Path(words.map(decode).collect());
            }
        };
        match segments.next() {
            None => endpoint,
            Some(_) => Self::Unknown,
        }
    }
}

/// The token in the query string.
pub(super) fn token(uri: &Uri) -> Option<Bytes> {
    let token = pairs(uri).find(|(name, _)| name == TOKEN);
    token.map(|(_, value)| value.unwrap_or_default())
}

/// The arguments in the query string: each name, and behind it the value if there is a `=`.
pub(super) fn query_arguments(uri: &Uri) -> impl Iterator<Item = Bytes> {
    pairs(uri).filter(|(name, _)| name != TOKEN).flat_map(|(name, value)| [Some(name), value]).flatten()
}

fn pairs(uri: &Uri) -> impl Iterator<Item = (Bytes, Option<Bytes>)> {
    let query = uri.query().unwrap_or_default();
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        Some((name, value)) => (decode(name), Some(decode(value))),
        None => (decode(pair), None),
    })
}

/// Arguments are bytes: they need not be UTF-8 when decoded, and a `+` is a plus sign.
fn decode(text: &str) -> Bytes {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn decodes_each_segment_to_bytes() {
        let uri = uri("/set//a%2Fb%20c/%ff+/");
        let words: [&[u8]; 3] = [b"set", b"a/b c", b"\xff+"];
        assert_eq!(Target::of(&uri), Target::Path(words.map(Bytes::copy_from_slice).into()));
    }

    #[test]
    fn tells_endpoints_from_commands() {
        for (path, expected) in [
            ("/", Target::Body),
            ("//?_token=x", Target::Body),
            ("/pipeline", Target::Pipeline),
            ("/multi-exec/", Target::MultiExec),
            ("/pipeline/x", Target::Unknown),
            ("/subscribe/a/b%2Fc", Target::Stream(StreamKind::Subscribe, vec!["a".into(), "b/c".into()])),
            ("/psubscribe/a*", Target::Stream(StreamKind::PSubscribe, vec!["a*".into()])),
            ("/monitor", Target::Stream(StreamKind::Monitor, vec![])),
            ("/monitor/x", Target::Unknown),
            ("/PIPELINE", Target::Path(vec![Bytes::from_static(b"PIPELINE")])),
            ("/%70ipeline", Target::Path(vec![Bytes::from_static(b"pipeline")])),
        ] {
            assert_eq!(Target::of(&uri(path)), expected, "{path}");
        }
    }

    #[test]
    fn reads_the_query_in_order() {
        let uri = uri("/set/k?EX=100&_token=a%20b&&NX&GET=&%5ftoken=c&x=1=2");
        let words: Vec<_> = query_arguments(&uri).collect();
        let expected: [&[u8]; 7] = [b"EX", b"100", b"NX", b"GET", b"", b"x", b"1=2"];
        assert_eq!(words, expected);
        assert_eq!(token(&uri).unwrap(), "a b");
    }
}
