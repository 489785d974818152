use std::io::Write;

use crate::local::redis::command::Command;

/// Appends `command` to `buffer` as an array of bulk strings.
pub(crate) fn encode(command: &Command, buffer: &mut Vec<u8>) {
    header(b'*', command.arguments.len(), buffer);
    for argument in &command.arguments {
        header(b'$', argument.len(), buffer);
        buffer.extend_from_slice(argument);
        buffer.extend_from_slice(b"\r\n");
    }
}

fn header(kind: u8, length: usize, buffer: &mut Vec<u8>) {
    buffer.push(kind);
    if let Ok(digit @ 0..10) = u8::try_from(length) {
        // Most are this short, and formatting costs more than the rest.
        buffer.extend_from_slice(&[b'0' + digit, b'\r', b'\n']);
        return;
    }
    // Writing to a `Vec` does not fail.
    let _ = write!(buffer, "{length}\r\n");
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn writes_bytes_as_they_are() {
        let mut buffer = Vec::new();
        let arguments = [&b"SET"[..], b"\r\n\xff", b""].map(Bytes::from_static);
        encode(&Command::new(arguments.into()), &mut buffer);
        assert_eq!(buffer, b"*3\r\n$3\r\nSET\r\n$3\r\n\r\n\xff\r\n$0\r\n\r\n");
    }
}
