//! How a command travels: as a JSON array, or in the path form with one raw argument as the body.

use super::Cmd;
use crate::{Error, ErrorKind};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use std::borrow::Cow;

/// Everything that could mean something in a path or query.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    pub(super) path: Cow<'static, str>,
    pub(super) body: Bytes,
    pub(super) is_json: bool,
}

/// The request of one command.
pub(super) fn single(cmd: &Cmd) -> Result<Encoded, Error> {
    check(cmd)?;
    let mut body = Vec::with_capacity(cmd.size() + 8);
    match array(cmd, &mut body) {
        Ok(()) => Ok(Encoded { path: "/".into(), body: body.into(), is_json: true }),
        Err(at) => path_form(cmd, at),
    }
}

/// The body of a pipeline or transaction.
pub(super) fn many(cmds: &[Cmd]) -> Result<Bytes, Error> {
    let mut body = Vec::with_capacity(cmds.iter().map(|cmd| cmd.size() + 8).sum());
    body.push(b'[');
    for (index, cmd) in cmds.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        check(cmd)?;
        array(cmd, &mut body).map_err(|_| {
            refuse(cmd, format!("command {index} has an argument that is not UTF-8, which a pipeline cannot carry"))
        })?;
    }
    body.push(b']');
    Ok(body.into())
}

/// The body of a pipeline from commands that are written already.
pub(super) fn join<'a>(commands: impl Iterator<Item = &'a [u8]> + Clone) -> Bytes {
    let mut body = Vec::with_capacity(commands.clone().map(|command| command.len() + 1).sum::<usize>() + 1);
    for command in commands {
        body.push(if body.is_empty() { b'[' } else { b',' });
        body.extend_from_slice(command);
    }
    body.push(b']');
    body.into()
}

/// The path of a streaming end point, with one segment for each name.
pub(super) fn stream_path(endpoint: &str, names: &[String]) -> Result<String, Error> {
    let mut path = format!("/{endpoint}");
    for name in names {
        // URL parsers take these out of a path, percent-encoded or not.
        if name.is_empty() || name == "." || name == ".." {
            let message = "a channel called \"\", \".\" or \"..\" cannot be subscribed to over REST";
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        path.push('/');
        path.extend(percent_encode(name.as_bytes(), SEGMENT));
    }
    if names.is_empty() && endpoint != "monitor" {
        return Err(Error::new(ErrorKind::InvalidInput, "there is no channel to subscribe to"));
    }
    Ok(path)
}

/// Appends `["NAME","arg",…]`, or says which argument is not text.
fn array(cmd: &Cmd, out: &mut Vec<u8>) -> Result<(), usize> {
    out.push(b'[');
    for (index, arg) in cmd.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let text = std::str::from_utf8(arg).map_err(|_| index)?;
        serde_json::to_writer(&mut *out, text).map_err(|_| index)?;
    }
    out.push(b']');
    Ok(())
}

/// `POST /SET/key?PX&1000` with the argument at `binary` as the body.
fn path_form(cmd: &Cmd, binary: usize) -> Result<Encoded, Error> {
    let mut path = String::with_capacity(64);
    let mut body = Bytes::new();
    for (index, arg) in cmd.iter().enumerate() {
        if index == binary {
            body = Bytes::copy_from_slice(arg);
            continue;
        }
        if arg.is_empty() {
            return Err(refuse(cmd, "an empty argument beside one that is not UTF-8 cannot be sent over REST"));
        }
        // URL parsers take these out of a path, percent-encoded or not.
        if index < binary && (arg == b"." || arg == b"..") {
            return Err(refuse(
                cmd,
                "the argument \".\" or \"..\" before one that is not UTF-8 cannot be sent over REST",
            ));
        }
        if index > binary && arg == b"_token" {
            return Err(refuse(cmd, "the argument \"_token\" after one that is not UTF-8 cannot be sent over REST"));
        }
        // After the body come the query's parts, each without `=`: one argument each.
        path.push(match index {
            _ if index < binary => '/',
            _ if index == binary + 1 => '?',
            _ => '&',
        });
        path.extend(percent_encode(arg, SEGMENT));
    }
    if body.is_empty() || binary == 0 {
        return Err(refuse(cmd, "the command's name is not UTF-8"));
    }
    Ok(Encoded { path: path.into(), body, is_json: false })
}

/// Whether all its arguments could be written.
fn check(cmd: &Cmd) -> Result<(), Error> {
    cmd.refused().map_or(Ok(()), |reason| Err(refuse(cmd, reason)))
}

fn refuse(cmd: &Cmd, message: impl Into<Cow<'static, str>>) -> Error {
    cmd.describe(Error::new(ErrorKind::InvalidInput, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_as_json_with_its_escapes() {
        let encoded = single(&Cmd::new("SET").key("k\"\n").arg("ü").arg(5).arg(f64::INFINITY)).unwrap();
        assert_eq!(&encoded.body[..], r#"["SET","k\"\n","ü","5","+inf"]"#.as_bytes());
        assert_eq!(encoded.path, "/");
    }

    #[test]
    fn one_binary_argument_goes_as_the_body() {
        let encoded = single(&Cmd::new("SET").key("a/b").arg([0xff_u8, 0x00].as_slice()).arg("PX").arg(10)).unwrap();
        assert_eq!(encoded.path, "/SET/a%2Fb?PX&10");
        assert_eq!(&encoded.body[..], [0xff, 0x00]);
        assert!(!encoded.is_json);
    }

    #[test]
    fn a_binary_key_before_a_binary_value_is_escaped_in_the_path() {
        let encoded = single(&Cmd::new("GET").key([0xff_u8].as_slice())).unwrap();
        assert_eq!((&*encoded.path, &encoded.body[..]), ("/GET", [0xff].as_slice()));
        let encoded = single(&Cmd::new("SET").key([0xff_u8].as_slice()).arg([0xfe_u8].as_slice())).unwrap();
        assert_eq!((&*encoded.path, &encoded.body[..]), ("/SET?%FE", [0xff].as_slice()));
    }

    #[test]
    fn what_no_form_carries_is_refused_without_its_value() {
        for dots in [".", ".."] {
            assert!(single(&Cmd::new("SET").key(dots).arg([0xff_u8].as_slice())).is_err());
        }
        let error = single(&Cmd::new("set").key("k").arg([0xff_u8].as_slice()).arg("")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("SET \"k\": "), "{error}");
        assert_eq!(
            many(&[Cmd::new("SET").key("k").arg([0xff_u8].as_slice())]).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}
