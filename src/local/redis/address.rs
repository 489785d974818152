use std::{fmt, path::PathBuf};

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use crate::local::{error::LocalError, secret::Secret};

const DEFAULT_PORT: u16 = 6379;

/// The address of a Redis, and the user of its connections.
#[derive(Debug, Clone)]
pub(crate) struct RedisAddress {
    pub(super) endpoint: Endpoint,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl RedisAddress {
    pub(super) fn unix(path: PathBuf) -> Self {
        Self { endpoint: Endpoint::Unix(path), username: None, password: None, database: 0 }
    }

    /// Reads `redis://[user:password@]host[:port][/database]` or `unix:///path`.
    pub(crate) fn parse(url: &Secret) -> Result<Self, LocalError> {
        parse(url.expose()).map_err(|reason| LocalError::InvalidRedisUrl { reason })
    }
}

fn parse(text: &str) -> Result<RedisAddress, &'static str> {
    let url = Url::parse(text)
        .map_err(|_| "it is not a URL of the form redis://[user:password@]host[:port][/database] or unix:///path")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a query string or a fragment is not supported");
    }
    match url.scheme() {
        "redis" => parse_tcp(&url),
        "unix" => parse_unix(&url),
        "rediss" => Err("TLS (rediss://) is not supported, use redis:// or unix://"),
        _ => Err("the scheme must be redis:// or unix://"),
    }
}

fn parse_tcp(url: &Url) -> Result<RedisAddress, &'static str> {
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => decode(name)?,
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        _ => return Err("the host is missing"),
    };
    let database = match url.path().trim_matches('/') {
        "" => 0,
        number => number.parse().map_err(|_| "the path must be the number of a database")?,
    };
    let password = url.password().map(decode).transpose()?;
    let username = Some(decode(url.username())?).filter(|name| !name.is_empty());
    if username.is_some() && password.is_none() {
        return Err("there is a user but no password");
    }
    Ok(RedisAddress {
        endpoint: Endpoint::Tcp(host, url.port().unwrap_or(DEFAULT_PORT)),
        username,
        password: password.filter(|text| !text.is_empty()).map(Secret::new),
        database,
    })
}

fn parse_unix(url: &Url) -> Result<RedisAddress, &'static str> {
    if url.host_str().is_some_and(|host| !host.is_empty()) {
        return Err("the path of a socket must be absolute: unix:///path, with three slashes");
    }
    let path = decode(url.path())?;
    if path.len() < 2 {
        return Err("the path of the socket is missing");
    }
    if cfg!(not(unix)) {
        return Err("there are no Unix sockets on this system, use redis://");
    }
    Ok(RedisAddress::unix(path.into()))
}

fn decode(text: &str) -> Result<String, &'static str> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| "a percent-encoded part is not UTF-8")
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Endpoint::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Endpoint::Tcp(host, port) => write!(f, "{host}:{port}"),
            Endpoint::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_part() {
        let address = parse("redis://user:p%40ss@[::1]:7000/3").unwrap();
        assert_eq!(address.endpoint, Endpoint::Tcp("::1".into(), 7000));
        assert_eq!(address.username.as_deref(), Some("user"));
        assert_eq!(address.password.unwrap().expose(), "p@ss");
        assert_eq!(address.database, 3);
    }

    #[test]
    fn fills_in_what_is_left_out() {
        let address = parse("redis://localhost").unwrap();
        assert_eq!(address.endpoint, Endpoint::Tcp("localhost".into(), 6379));
        assert!(address.username.is_none() && address.password.is_none());
        assert_eq!(address.database, 0);

        let address = parse("redis://:secret@localhost/").unwrap();
        assert!(address.username.is_none());
        assert!(!format!("{address:?} {address}").contains("secret"));
    }

    #[cfg(unix)]
    #[test]
    fn reads_the_path_of_a_socket() {
        let address = parse("unix:///run/my%20redis.sock").unwrap();
        assert_eq!(address.endpoint, Endpoint::Unix("/run/my redis.sock".into()));
    }

    #[test]
    fn refuses_what_it_cannot_use() {
        for url in [
            "",
            "localhost:6379",
            "http://localhost",
            "rediss://localhost",
            "redis://",
            "redis://localhost/abc",
            "redis://localhost/-1",
            "redis://user@localhost",
            "redis://localhost?db=1",
            "redis://localhost:99999",
            "unix://relative/path",
            "unix:///",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}
