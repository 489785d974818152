//! The destination of a request.

use super::ApiRequest;
use crate::local::qstash::{
    records::Destination,
    refusal::Refusal,
    text::{Target, check_destination},
};

/// The destination behind so many segments of the target. The options of its query become the request's.
pub(super) fn take(request: &mut ApiRequest, segments: usize) -> Result<Destination, Refusal> {
    let mut rest = request.target.as_str();
    for _ in 0..segments {
        // As the path is counted: empty segments are none.
        rest = rest.trim_start_matches('/');
        rest = rest.split_once('/').map_or("", |(_, rest)| rest);
    }
    let target = Target::read(rest);
    request.add_options(target.options);
    checked(target.destination, target.is_url)
}

/// A destination that can be called, or the name of a URL group.
pub(super) fn checked(destination: String, is_url: bool) -> Result<Destination, Refusal> {
    if is_url {
        check_destination(&destination)
            .map_err(|error| Refusal::invalid(format!("invalid destination url: {error}")))?;
        return Ok(Destination::Url(destination));
    }
    if destination == "api/llm" {
        return Err(Refusal::invalid("invalid destination: api/llm is not served here"));
    }
    Ok(Destination::Group(destination))
}
