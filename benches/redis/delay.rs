//! A network with a round trip of its own: a TCP proxy that holds back what it hands on.
//!
//! It runs on threads of its own and sleeps to the microsecond, so that it neither disturbs the clients' runtime nor adds
//! the millisecond that a runtime's timers are coarse by.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

pub struct Delay {
    pub port: u16,
    connections: Arc<AtomicUsize>,
}

impl Delay {
    /// A way to a port of this machine that takes `round_trip`.
    pub fn start(to: u16, round_trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                count.fetch_add(1, Ordering::Relaxed);
                for stream in [&client, &server] {
                    stream.set_nodelay(true).unwrap();
                }
                // Connecting took no time, so the round trip of it is added to the first bytes.
                pump(client.try_clone().unwrap(), server.try_clone().unwrap(), round_trip / 2, round_trip);
                pump(server, client, round_trip / 2, Duration::ZERO);
            }
        });
        Self { port, connections }
    }

    /// The number of connections since the last call.
    pub fn take_connections(&self) -> usize {
        self.connections.swap(0, Ordering::Relaxed)
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, delay: Duration, mut first: Duration) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + delay + std::mem::take(&mut first);
            if sender.send((due, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
