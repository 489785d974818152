//! HTTP/2 without TLS, to servers that say that they speak it.

use super::connections::Connections;
use crate::rt::{Stopwatch, spawn, timeout};
use http::{HeaderMap, Version, header::UPGRADE};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// On a faster network requests do not wait for a connection, and HTTP/1.1 costs less.
const WORTHWHILE: Duration = Duration::from_millis(1);
/// The time for an answer over HTTP/2.
const PATIENCE: Duration = Duration::from_secs(2);
/// More hosts are not remembered: an application has one or two.
const HOSTS: usize = 16;

/// The hosts that speak HTTP/2 over cleartext, and the connections to them.
///
/// With TLS the two sides agree on HTTP/2 by ALPN. Without it there is no such moment, so a server advertises it by
/// `Upgrade: h2c` (RFC 9110 7.8). It is believed when a request over HTTP/2 has been answered.
#[derive(Debug)]
pub(super) struct Cleartext {
    connections: Arc<Connections>,
    hosts: Arc<Mutex<Vec<(String, Verdict)>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// One answer took long, which may have been its connection's first.
    Far,
    Tried,
    Http2,
    Http1,
}

impl Cleartext {
    pub(super) fn new(connections: Connections) -> Self {
        Self { connections: Arc::new(connections), hosts: Arc::default() }
    }

    /// The connections, if `host` is known to speak HTTP/2.
    pub(super) fn known(&self, host: &str) -> Option<&Connections> {
        let hosts = lock(&self.hosts);
        let known = hosts.iter().any(|(other, verdict)| *verdict == Verdict::Http2 && other == host);
        known.then_some(&self.connections)
    }

    /// Goes back to HTTP/1.1 after an error: the server may have changed, or something between.
    pub(super) fn forget(&self, host: &str) {
        lock(&self.hosts).retain(|(other, _)| other != host);
    }

    /// Tries HTTP/2 beside the requests, if two answers in a row over HTTP/1.1 advertise it and came from afar.
    pub(super) fn consider(&self, host: String, mut url: reqwest::Url, headers: &HeaderMap, elapsed: Duration) {
        let advertised = headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"h2c"));
        if !advertised {
            return;
        }
        {
            let (mut hosts, far) = (lock(&self.hosts), elapsed >= WORTHWHILE);
            match hosts.iter().position(|(other, _)| *other == host) {
                Some(at) if hosts[at].1 == Verdict::Far && far => hosts[at].1 = Verdict::Tried,
                Some(at) if hosts[at].1 == Verdict::Far => return drop(hosts.swap_remove(at)),
                None if far && hosts.len() < HOSTS => return hosts.push((host, Verdict::Far)),
                _ => return,
            }
        }
        url.set_path("/");
        url.set_query(None);
        let (connections, hosts) = (Arc::clone(&self.connections), Arc::clone(&self.hosts));
        // Without a runtime it stays at HTTP/1.1.
        let _ = spawn(async move {
            let verdict = match timeout(PATIENCE, speaks_http2(&connections, url)).await {
                Ok(true) => Verdict::Http2,
                _ => Verdict::Http1,
            };
            if let Some(known) = lock(&hosts).iter_mut().find(|(other, _)| *other == host) {
                known.1 = verdict;
            }
        });
    }
}

/// Whether the server answers over HTTP/2, after a time that makes it worthwhile.
async fn speaks_http2(connections: &Connections, url: reqwest::Url) -> bool {
    let mut round_trip = Duration::MAX;
    // The first one connects; the second shows the round trip.
    for _ in 0..2 {
        let sent = Stopwatch::start();
        let answer = connections.send(reqwest::Request::new(reqwest::Method::OPTIONS, url.clone())).await;
        if !answer.is_ok_and(|answer| answer.version() == Version::HTTP_2) {
            return false;
        }
        round_trip = sent.elapsed();
    }
    round_trip >= WORTHWHILE
}

fn lock(hosts: &Mutex<Vec<(String, Verdict)>>) -> MutexGuard<'_, Vec<(String, Verdict)>> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}
