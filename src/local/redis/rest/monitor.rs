/// The line of a command in a monitor, as Upstash shows it: the client's database is 0, and it has no address.
///
/// `None` for a command in another database than `only`: in a shared Redis it belongs to another program.
pub(super) fn line(text: &str, only: Option<u32>) -> Option<String> {
    let parts = (|| {
        let (time, rest) = text.split_once(" [")?;
        // An address may have brackets of its own.
        let (client, command) = rest.split_once("] \"")?;
        let (database, address) = client.split_once(' ')?;
        Some((time, database.parse::<u32>().ok()?, address, command))
    })();
    let Some((time, database, address, command)) = parts else {
        // In a form that is not known, the database is not known either.
        return only.is_none().then(|| text.to_owned());
    };
    if only.is_some_and(|only| only != database) {
        return None;
    }
    let address = if address == "lua" { address } else { "0.0.0.0:0" };
    Some(format!("{time} [0 {address}] \"{command}"))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn shows_one_database_and_no_address() {
        for (text, only, expected) in [
            (r#"1.5 [3 127.0.0.1:60866] "get" "k""#, Some(3), Some(r#"1.5 [0 0.0.0.0:0] "get" "k""#)),
            (r#"1.5 [3 [::1]:60866] "get" "] \"k""#, Some(3), Some(r#"1.5 [0 0.0.0.0:0] "get" "] \"k""#)),
            (r#"1.5 [0 unix:/tmp/redis.sock] "ping""#, None, Some(r#"1.5 [0 0.0.0.0:0] "ping""#)),
            (r#"1.5 [0 lua] "get" "k""#, None, Some(r#"1.5 [0 lua] "get" "k""#)),
            (r#"1.5 [13 lua] "get" "k""#, Some(3), None),
            (r#"1.5 [3 127.0.0.1:1] "get" " [13 lua] \"k""#, Some(13), None),
            ("something new", None, Some("something new")),
            ("something new", Some(3), None),
        ] {
            assert_eq!(line(text, only).as_deref(), expected, "{text}");
        }
    }
}
