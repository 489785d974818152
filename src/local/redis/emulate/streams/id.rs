use bytes::Bytes;

/// The ID of an entry in the form in which Redis gives it: with both of its numbers.
pub(super) fn whole_id(id: &Bytes) -> Option<Bytes> {
    let text = std::str::from_utf8(id).ok()?;
    let (time, number) = text.split_once('-').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(time) || !is_number(number) {
        return None;
    }
    let (time, number): (u64, u64) = (time.parse().ok()?, number.parse().ok()?);
    Some(format!("{time}-{number}").into())
}
