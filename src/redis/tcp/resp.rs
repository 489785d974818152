use crate::redis::Cmd;

/// Appends a command as the array of strings that a server reads.
pub(super) fn write(cmd: &Cmd, out: &mut Vec<u8>) {
    let number = |kind: u8, number: usize, out: &mut Vec<u8>| {
        out.push(kind);
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    number(b'*', cmd.len(), out);
    for word in cmd.iter() {
        number(b'$', word.len(), out);
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
