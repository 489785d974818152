use super::{Reply, reply::Item, resp2, sse::EventParser};
use bytes::Bytes;

/// Reads a body as each of the formats, and what is read once more from what it says.
pub(crate) fn reply(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Item>(bytes);
    let _ = serde_json::from_slice::<Vec<Item>>(bytes);
    let Ok(items) = resp2::replies(&Bytes::copy_from_slice(bytes)) else { return };
    for item in items {
        if let Item::Result(reply) = item {
            convert(&reply);
        }
    }
}

/// No conversion panics, whatever came.
fn convert(reply: &Reply) {
    use super::{FromReply, Pairs};
    let _ = String::from_reply(reply.clone());
    let _ = i64::from_reply(reply.clone());
    let _ = f64::from_reply(reply.clone());
    let _ = bool::from_reply(reply.clone());
    let _ = Vec::<Option<Vec<u8>>>::from_reply(reply.clone());
    let _ = Pairs::<String, f64>::from_reply(reply.clone());
    let _ = <(String, Vec<(String, Reply)>)>::from_reply(reply.clone());
}

/// Reads a stream whole and in pieces: the events have to be the same.
pub(crate) fn events(bytes: &[u8]) {
    let Some((length, stream)) = bytes.split_first() else { return };
    let read = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let (mut parser, mut found) = (EventParser::default(), Vec::new());
        for piece in pieces {
            let _ = parser.push(piece, |event| found.push(event));
        }
        found
    };
    let whole = read(&mut std::iter::once(stream));
    assert_eq!(read(&mut stream.chunks(usize::from(*length).max(1))), whole);
}
