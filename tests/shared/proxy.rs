//! A network that can be made to fail: a TCP proxy with switches.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
    time::{sleep, timeout},
};

#[derive(Clone)]
pub struct Proxy {
    port: u16,
    switches: Arc<Switches>,
}

struct Switches {
    to: AtomicU64,
    /// Connections made before this many were there say nothing any more, and stay open.
    silent_below: AtomicUsize,
    /// Those made before this many were there are closed.
    closed_below: watch::Sender<usize>,
    refuse: AtomicBool,
    all_silent: AtomicBool,
    delay_us: AtomicU64,
    idle_us: AtomicU64,
    connections: AtomicUsize,
    open: AtomicUsize,
}

/// Counts a connection as open until it is dropped.
struct Open(Arc<Switches>);

impl Open {
    fn new(switches: &Arc<Switches>) -> Self {
        switches.open.fetch_add(1, SeqCst);
        Self(Arc::clone(switches))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, SeqCst);
    }
}

impl Proxy {
    /// A proxy to a port of this machine.
    pub async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let switches = Arc::new(Switches {
            to: AtomicU64::new(to.into()),
            silent_below: AtomicUsize::new(0),
            closed_below: watch::Sender::new(0),
            refuse: AtomicBool::new(false),
            all_silent: AtomicBool::new(false),
            delay_us: AtomicU64::new(0),
            idle_us: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&switches);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, SeqCst);
                // Counted before the question, so that a test that refuses and then counts sees each that was let in.
                let open = Open::new(&shared);
                if !shared.refuse.load(SeqCst) {
                    tokio::spawn(connection(client, number, open));
                }
            }
        });
        Self { port, switches }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Later connections go to another port.
    pub fn lead_to(&self, port: u16) {
        self.switches.to.store(port.into(), SeqCst);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.switches.connections.load(SeqCst)
    }

    /// The number of connections that there are.
    #[allow(dead_code, reason = "not every test counts them")]
    pub fn open(&self) -> usize {
        self.switches.open.load(SeqCst)
    }

    /// The connections that there are stay open and say nothing more. New ones work.
    pub fn silence(&self) {
        self.switches.silent_below.store(self.connections(), SeqCst);
    }

    /// Nothing gets through, by new connections neither.
    pub fn silence_all(&self, silent: bool) {
        self.switches.all_silent.store(silent, SeqCst);
        if silent {
            self.silence();
        }
    }

    /// Closes the connections that there are.
    pub fn close(&self) {
        self.switches.closed_below.send_replace(self.connections());
    }

    /// Closes each new connection as soon as it is made.
    pub fn refuse(&self, refuse: bool) {
        self.switches.refuse.store(refuse, SeqCst);
    }

    /// Delays the bytes of each direction.
    #[allow(dead_code, reason = "not every test is far away")]
    pub fn delay(&self, delay: Duration) {
        self.switches.delay_us.store(delay.as_micros().try_into().unwrap(), SeqCst);
    }

    /// Closes a connection on which nothing was sent for so long. Zero is never.
    pub fn close_idle(&self, idle: Duration) {
        self.switches.idle_us.store(idle.as_micros().try_into().unwrap(), SeqCst);
    }
}

async fn connection(client: TcpStream, number: usize, open: Open) {
    let switches = &open.0;
    let to = u16::try_from(switches.to.load(SeqCst)).unwrap();
    let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let mut closed = switches.closed_below.subscribe();
    tokio::select! {
        () = pump(client_read, server_write, number, switches) => {}
        () = pump(server_read, client_write, number, switches) => {}
        () = async { drop(closed.wait_for(|below| number < *below).await) } => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: usize, switches: &Switches) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let idle = switches.idle_us.load(SeqCst);
        let idle = if idle == 0 { Duration::from_secs(3600) } else { Duration::from_micros(idle) };
        let Ok(Ok(length @ 1..)) = timeout(idle, from.read(&mut buffer)).await else { return };
        if number < switches.silent_below.load(SeqCst) || switches.all_silent.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        let delay = switches.delay_us.load(SeqCst);
        if delay > 0 {
            sleep(Duration::from_micros(delay)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
