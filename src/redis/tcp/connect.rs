use super::{
    frames::{Frames, Io},
    resp,
    settings::{Address, Place, Settings},
    tls::Tls,
};
use crate::{
    Error, ErrorKind,
    redis::{Cmd, Reply, error::from_text},
    rt::timeout,
};
use std::{io, sync::Arc};
use tokio::net::TcpStream;

/// Makes connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    address: Arc<Address>,
    settings: Arc<Settings>,
    tls: Option<Tls>,
}

impl Connector {
    pub(super) fn new(address: Address, settings: Settings) -> Result<Self, Error> {
        let tls = match &address.place {
            Place::Tcp { tls: true, .. } => Some(Tls::new(&settings.tls)?),
            _ => None,
        };
        Ok(Self { address: Arc::new(address), settings: Arc::new(settings), tls })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Connects and logs in.
    ///
    /// The name is looked up each time, so that a server that has moved is found.
    pub(super) async fn connect(&self) -> Result<Frames, Error> {
        let limit = self.settings.connect_timeout;
        match timeout(limit, self.log_in()).await {
            Ok(connected) => connected,
            Err(_) => Err(Error::new(ErrorKind::Connect, format!("no connection could be made within {limit:?}"))),
        }
    }

    async fn log_in(&self) -> Result<Frames, Error> {
        let failed =
            |error: io::Error| Error::new(ErrorKind::Connect, "no connection could be made").with_source(error);
        let mut frames = Frames::new(self.open().await.map_err(failed)?);
        let mut steps = Vec::new();
        let Address { user, password, database, .. } = &*self.address;
        if let Some(password) = password {
            steps.push(Cmd::new("AUTH").arg(user.as_deref()).arg(password.as_str()));
        }
        if *database != 0 {
            steps.push(Cmd::new("SELECT").arg(*database));
        }
        let mut bytes = Vec::new();
        steps.iter().for_each(|cmd| resp::write(cmd, &mut bytes));
        frames.write_all(&bytes).await.map_err(failed)?;
        for step in &steps {
            if let Reply::Error(text) = frames.next().await.map_err(failed)? {
                return Err(from_text(&text, None).with_operation(step.name().into_owned()));
            }
        }
        Ok(frames)
    }

    async fn open(&self) -> io::Result<Box<dyn Io>> {
        let (host, port) = match &self.address.place {
            Place::Tcp { host, port, .. } => (host.as_str(), *port),
            #[cfg(unix)]
            Place::Unix(path) => return Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Place::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let stream = TcpStream::connect((host, port)).await?;
        self.settings.apply(&stream)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(tls) => tls.connect(host, stream).await,
        }
    }
}

impl Settings {
    /// Sets the options of a socket.
    fn apply(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(self.nodelay)?;
        let socket = socket2::SockRef::from(stream);
        let probe = (self.keepalive / 3).max(std::time::Duration::from_secs(1));
        let keepalive = socket2::TcpKeepalive::new().with_time(self.keepalive);
        #[cfg(not(any(target_os = "openbsd", target_os = "haiku", target_os = "vita")))]
        let keepalive = keepalive.with_interval(probe);
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd"))]
        let keepalive = keepalive.with_retries(3);
        socket.set_tcp_keepalive(&keepalive)?;
        #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
        socket.set_tcp_user_timeout(Some(self.user_timeout))?;
        Ok(())
    }
}
