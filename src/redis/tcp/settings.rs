use super::tls::TlsSettings;
use crate::{Error, ErrorKind};
use redis_rs::{ConnectionAddr, ConnectionInfo, ProtocolVersion};
use std::{fmt, path::PathBuf, time::Duration};

/// How connections are made and watched.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) nodelay: bool,
    pub(super) keepalive: Duration,
    pub(super) user_timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) heartbeat: Duration,
    pub(super) tls: TlsSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodelay: true,
            keepalive: Duration::from_secs(15),
            user_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            heartbeat: Duration::from_secs(15),
            tls: TlsSettings::default(),
        }
    }
}

/// The address of a server, and the user of the client.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: i64,
}

#[derive(Debug, Clone)]
pub(super) enum Place {
    Tcp { host: String, port: u16, tls: bool },
    Unix(PathBuf),
}

impl Address {
    /// Checks what a URL says.
    pub(super) fn new(info: &ConnectionInfo) -> Result<Self, Error> {
        let problem = |text| Err(Error::new(ErrorKind::Configuration, text));
        let redis = info.redis_settings();
        if redis.protocol() != ProtocolVersion::RESP2 {
            return problem("the URL asks for RESP3, but replies are read in RESP2: leave `protocol` out");
        }
        let place = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Place::Tcp { host: host.clone(), port: *port, tls: false },
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                return problem(
                    "`#insecure` is not supported: it would send the password to any server. \
                     Give the server's certificate authority by `root_certificate`",
                );
            }
            ConnectionAddr::TcpTls { host, port, .. } => Place::Tcp { host: host.clone(), port: *port, tls: true },
            ConnectionAddr::Unix(path) => Place::Unix(path.clone()),
            _ => return problem("the URL of the Redis server is of a kind that is not known"),
        };
        let [user, password] = [redis.username(), redis.password()].map(|text| text.map(str::to_owned));
        Ok(Self { place, user, password, database: redis.db() })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("place", &self.place).finish_non_exhaustive()
    }
}
