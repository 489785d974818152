use super::{ClientIpRejection, x_forwarded_for::parse_address};
use http::{HeaderValue, header::GetAll};
use std::net::IpAddr;

/// The `for` parameter of each element of `Forwarded` (RFC 7239 section 4) over all lines, the last one first. An
/// element without the parameter, or with something other than an address in it, yields an error in its position,
/// because its sender is unknown.
pub(super) fn addresses<'a>(
    lines: &GetAll<'a, HeaderValue>,
) -> Box<dyn Iterator<Item = Result<IpAddr, ClientIpRejection>> + 'a> {
    let lines = lines.iter().rev();
    Box::new(lines.flat_map(|line| {
        let elements = line.to_str().ok().and_then(|line| split(line, ','));
        let found = match elements {
            Some(elements) => elements.into_iter().rev().map(address).collect(),
            None => vec![Err(ClientIpRejection::Malformed)],
        };
        found.into_iter()
    }))
}

fn address(element: &str) -> Result<IpAddr, ClientIpRejection> {
    let mut found = None;
    for pair in split(element, ';').ok_or(ClientIpRejection::Malformed)? {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("for") {
            let value = value.trim();
            let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
            let ip = parse_address(value).ok_or(ClientIpRejection::Malformed)?;
            if found.replace(ip).is_some() {
                return Err(ClientIpRejection::Malformed);
            }
        }
    }
    found.ok_or(ClientIpRejection::Malformed)
}

/// Splits at a separator outside of quoted strings; `None` if one is not closed.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if c == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}
