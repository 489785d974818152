use std::io;

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    address::{Endpoint, RedisAddress},
    command::Command,
    resp::{Allowance, Decoder, Value, encode},
};

const READ_AHEAD: usize = 16 * 1024;
/// A larger buffer is given back after its exchange.
const KEPT_BUFFER: usize = 64 * 1024;

/// One connection to Redis, after AUTH and SELECT.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    buffer: BytesMut,
    decoder: Decoder,
}

impl Connection {
    pub(crate) async fn connect(address: &RedisAddress) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match &address.endpoint {
            Endpoint::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
        };
        let mut connection = Self { stream, buffer: BytesMut::new(), decoder: Decoder::default() };
        connection.introduce(address).await?;
        Ok(connection)
    }

    /// Says who we are and chooses the database. The PING finds out whether Redis wanted to know.
    async fn introduce(&mut self, address: &RedisAddress) -> io::Result<()> {
        let mut commands = Vec::new();
        if let Some(password) = &address.password {
            let mut words = vec!["AUTH"];
            words.extend(address.username.as_deref());
            words.push(password.expose());
            commands.push(Command::of(&words));
        }
        commands.push(Command::of(&["PING"]));
        if address.database != 0 {
            commands.push(Command::of(&["SELECT", &address.database.to_string()]));
        }
        for reply in self.exchange(&commands, &mut Allowance::unlimited()).await? {
            if let Value::Error(text) = reply {
                let text = String::from_utf8_lossy(&text).into_owned();
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
        }
        Ok(())
    }

    /// Sends all commands and waits for one reply to each, of which those that are too large are errors.
    ///
    /// After an error, or when this future is dropped on the way, replies may be left on the connection:
    /// it must not be used again.
    pub(super) async fn exchange(&mut self, commands: &[Command], allowance: &mut Allowance) -> io::Result<Vec<Value>> {
        let mut request = Vec::new();
        for command in commands {
            encode(command, &mut request);
        }
        let (mut reader, mut writer) = tokio::io::split(&mut self.stream);
        let (buffer, decoder) = (&mut self.buffer, &mut self.decoder);
        // Reading while writing: neither side may wait for the other to empty its buffers.
        let write = async {
            writer.write_all(&request).await?;
            writer.flush().await
        };
        let read = async {
            let mut replies = Vec::with_capacity(commands.len());
            while replies.len() < commands.len() {
                match decoder.decode(buffer, allowance)? {
                    Some(reply) => replies.push(reply),
                    None => {
                        buffer.reserve(READ_AHEAD);
                        if reader.read_buf(buffer).await? == 0 {
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                    }
                }
            }
            Ok(replies)
        };
        let ((), replies) = tokio::try_join!(write, read)?;
        if !self.buffer.is_empty() || !self.decoder.is_idle() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "Redis sent more than it was asked for"));
        }
        if self.buffer.capacity() > KEPT_BUFFER {
            self.buffer = BytesMut::new();
        }
        Ok(replies)
    }

    /// Sends one command whose replies are [`received`](Self::receive) one by one.
    pub(super) async fn send(&mut self, command: &Command) -> io::Result<()> {
        let mut request = Vec::new();
        encode(command, &mut request);
        self.stream.write_all(&request).await?;
        self.stream.flush().await
    }

    /// Waits for the next reply. Dropping the future loses nothing.
    pub(super) async fn receive(&mut self) -> io::Result<Value> {
        let mut allowance = Allowance::unlimited();
        loop {
            if let Some(reply) = self.decoder.decode(&mut self.buffer, &mut allowance)? {
                return Ok(reply);
            }
            self.buffer.reserve(READ_AHEAD);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Whether it is still open, with nothing to read: fit for another exchange.
    pub(super) fn is_fresh(&self) -> bool {
        self.stream.is_quiet()
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    fn is_quiet(&self) -> bool;
}

impl Stream for TcpStream {
    fn is_quiet(&self) -> bool {
        would_block(self.try_read(&mut [0]))
    }
}

#[cfg(unix)]
impl Stream for tokio::net::UnixStream {
    fn is_quiet(&self) -> bool {
        would_block(self.try_read(&mut [0]))
    }
}

fn would_block(read: io::Result<usize>) -> bool {
    read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
