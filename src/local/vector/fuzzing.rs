use super::{
    api::{Request, Route},
    filter::parse,
    limits::LocalVectorLimits,
};

/// Reads a filter, and asks whether it holds for metadata.
pub(crate) fn filter(text: &str) {
    let metadata = serde_json::json!({"a": 1, "b": {"c": [true, "x", null, 0.5]}});
    match parse(text, 999) {
        Ok(filter) => {
            filter.holds(Some(&metadata));
            filter.holds(None);
        }
        Err(error) => assert!(error.to_string().starts_with("Invalid filter. At line ")),
    }
}

/// Reads the bytes as the path of a request, up to the first line feed, and its body.
pub(crate) fn request(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (target, body) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let target = String::from_utf8_lossy(target);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    if let Ok(route) = Route::of(path) {
        let _ = Request::read(&route, Some(query), body, &LocalVectorLimits::default());
    }
}
