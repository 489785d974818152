//! Clients of a Redis whose network and servers fail: losses, repeats, and the time until it works again.
//!
//! ```sh
//! cargo test --features full --test network_faults -- --seconds 600 --seed 7
//! ```
//!
//! Clients over REST, with and without automatic pipelining and over HTTP/2, and over TCP, count and write with
//! deadlines of a second. Connections go silent, are closed and refused; the server is killed, and its replica takes over.
//! Nothing may be counted twice, no acknowledged write may be lost, no client may read another's value, and each has an
//! answer soon after the network is back. It takes 20 seconds if nothing else is said.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

use axum_upstash::{
    ErrorKind,
    client::ReqwestTransport,
    local::{LocalRedis, LocalRedisConfig},
    redis::Redis,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use times::now_ms;
use tokio::time::sleep;

#[path = "shared/proxy.rs"]
mod proxy;
#[path = "shared/random.rs"]
mod random;
#[path = "shared/redis_server.rs"]
#[allow(dead_code)]
mod redis_server;
#[path = "shared/times.rs"]
#[allow(dead_code, unreachable_pub)]
mod times;
use proxy::Proxy;
use random::Random;
use redis_server::RedisServer;

const CALL: Duration = Duration::from_secs(1);
/// A call that was on its way when the network came back fails at its deadline. The next one has an answer.
const RECOVERY: Duration = Duration::from_millis(2_500);
const CLIENTS: usize = 4;

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    unknown: AtomicU64,
    refused: AtomicU64,
    faults: AtomicU64,
}

/// What a client knows of its two keys.
struct Client {
    name: String,
    redis: Redis,
    counted: i64,
    maybe_counted: i64,
    last_count: i64,
    written: u64,
    maybe_written: Vec<u64>,
    next: u64,
}

impl Client {
    fn new(name: String, redis: Redis) -> Self {
        let (written, maybe_written) = (0, Vec::new());
        Self { name, redis, counted: 0, maybe_counted: 0, last_count: 0, written, maybe_written, next: 1 }
    }

    /// One command; whether it had an answer.
    async fn step(&mut self, random: &Random, counts: &Counts) -> bool {
        let outcome = match random.below(3) {
            0 => self.count().await,
            1 => self.write().await,
            _ => self.read().await,
        };
        let counter = match outcome {
            Ok(()) => &counts.done,
            Err(ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::Server) => &counts.unknown,
            Err(_) => &counts.refused,
        };
        counter.fetch_add(1, SeqCst);
        outcome.is_ok()
    }

    async fn count(&mut self) -> Result<(), ErrorKind> {
        match self.redis.incr(format!("{}:count", self.name)).await {
            Ok(count) => {
                self.counted += 1;
                let most = self.counted + self.maybe_counted;
                assert!(count <= most, "{}: counted {count} times, asked for {most}: a duplicate", self.name);
                assert!(count > self.last_count, "{}: {count} after {}: a count was lost", self.name, self.last_count);
                self.last_count = count;
                Ok(())
            }
            Err(error) => {
                self.maybe_counted += i64::from(may_have_happened(error.kind()));
                Err(error.kind())
            }
        }
    }

    async fn write(&mut self) -> Result<(), ErrorKind> {
        let value = self.next;
        self.next += 1;
        match self.redis.set(format!("{}:value", self.name), format!("{}:{value}", self.name)).await {
            Ok(()) => self.written = value,
            Err(error) => {
                if may_have_happened(error.kind()) {
                    self.maybe_written.push(value);
                }
                return Err(error.kind());
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), ErrorKind> {
        let found = self.redis.get::<Option<String>>(format!("{}:value", self.name)).await;
        let found = found.map_err(|error| error.kind())?;
        let value = match &found {
            None => 0,
            Some(text) => {
                let own = text.strip_prefix(&format!("{}:", self.name));
                let value = own.unwrap_or_else(|| panic!("{}: read {text}, which is another's", self.name));
                value.parse().unwrap()
            }
        };
        // A write without an answer may take effect at any later time.
        let known = value == self.written || self.maybe_written.contains(&value);
        assert!(known, "{}: read {value}, and {} was acknowledged", self.name, self.written);
        self.written = value;
        Ok(())
    }
}

fn may_have_happened(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::Connect | ErrorKind::ReadOnly | ErrorKind::InvalidInput)
}

/// Two servers, of which one is the other's replica, and the ways to the primary.
struct Servers {
    servers: [RedisServer; 2],
    primary: usize,
    /// Of the clients over TCP, and of the local Upstash.
    tcp: Proxy,
    behind_rest: Proxy,
    rest: Proxy,
}

impl Servers {
    fn proxies(&self) -> [&Proxy; 2] {
        [&self.tcp, &self.rest]
    }

    /// The replica takes over. Clients over TCP find out by themselves.
    async fn fail_over(&mut self) {
        let (old, new) = (self.servers[self.primary].url(), self.servers[1 - self.primary].port());
        let primary = Redis::tcp(old).build().unwrap();
        let begun = Instant::now();
        // The local server has many connections. One that stayed with the old primary, which is a replica then, would
        // read what is older than the writes through another one.
        self.behind_rest.refuse(true);
        while self.behind_rest.open() > 0 {
            self.behind_rest.close();
            assert!(begun.elapsed() < Duration::from_secs(10), "a connection stays open");
            sleep(Duration::from_millis(1)).await;
        }
        while let Err(error) = primary.cmd("FAILOVER").arg("TO").arg("127.0.0.1").arg(new).await {
            assert!(begun.elapsed() < Duration::from_secs(60), "the replica does not follow: {error}");
            sleep(Duration::from_millis(50)).await;
        }
        // It has begun, and ends when the replica has all writes. A server killed before that comes back without a replica.
        let info = || async { primary.cmd("INFO").arg("replication").query::<String>().await };
        while !info().await.is_ok_and(|info| info.contains("role:slave")) {
            assert!(begun.elapsed() < Duration::from_secs(80), "the failover does not end");
            sleep(Duration::from_millis(20)).await;
        }
        self.primary = 1 - self.primary;
        for proxy in [&self.tcp, &self.behind_rest] {
            proxy.lead_to(new);
        }
        self.behind_rest.refuse(false);
    }

    /// Waits until the primary writes to its append-only file again. After a full synchronization the file is rewritten
    /// first, and a server killed in that time loses writes that it acknowledged.
    async fn durable(&self) {
        let primary = Redis::tcp(self.servers[self.primary].url()).build().unwrap();
        let begun = Instant::now();
        loop {
            let info = primary.cmd("INFO").arg("persistence").query::<String>().await;
            let is_durable = |info: String| {
                [
                    "aof_enabled:1",
                    "aof_rewrite_in_progress:0",
                    "aof_rewrite_scheduled:0",
                    "aof_last_bgrewrite_status:ok",
                ]
                .iter()
                .all(|state| info.contains(state))
            };
            if info.is_ok_and(is_durable) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "the append-only file is not written");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The primary is killed, and comes back with what it acknowledged.
    async fn restart(&mut self) {
        self.durable().await;
        let server = &mut self.servers[self.primary];
        tokio::task::block_in_place(|| server.restart());
    }
}

async fn fault(servers: &mut Servers, random: &Random) {
    let span = |most| Duration::from_millis(random.below(most));
    match random.below(7) {
        0 => servers.proxies().into_iter().for_each(Proxy::silence),
        1 => servers.proxies().into_iter().for_each(Proxy::close),
        2 => {
            servers.proxies().into_iter().for_each(|proxy| proxy.silence_all(true));
            sleep(span(2_000)).await;
            servers.proxies().into_iter().for_each(|proxy| proxy.silence_all(false));
        }
        3 => {
            for _ in 0..5 {
                servers.proxies().into_iter().for_each(|proxy| {
                    proxy.refuse(true);
                    proxy.close();
                });
                sleep(span(100)).await;
                servers.proxies().into_iter().for_each(|proxy| proxy.refuse(false));
                sleep(span(100)).await;
            }
        }
        4 => {
            let idle = Duration::from_millis(1 + random.below(10));
            servers.proxies().into_iter().for_each(|proxy| proxy.close_idle(idle));
            sleep(span(1_000)).await;
            servers.proxies().into_iter().for_each(|proxy| proxy.close_idle(Duration::ZERO));
        }
        5 => servers.fail_over().await,
        _ => servers.restart().await,
    }
}

fn argument(name: &str) -> Option<u64> {
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1)?.parse().ok()
}

async fn servers() -> Servers {
    // Without the delay, in which a primary waits for more replicas before it sends its data: five seconds for each fault.
    let durable = ["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"];
    let servers = [RedisServer::with(&durable), RedisServer::with(&durable)];
    let replica = Redis::tcp(servers[1].url()).build().unwrap();
    replica.cmd("REPLICAOF").arg("127.0.0.1").arg(servers[0].port()).await.unwrap();
    let primary = servers[0].port();
    let (tcp, behind_rest) = (Proxy::start(primary).await, Proxy::start(primary).await);
    // The proxy's target is set when the local Upstash has started.
    let rest = Proxy::start(primary).await;
    Servers { servers, primary: 0, tcp, behind_rest, rest }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let seconds = argument("--seconds").unwrap_or(20);
    let seed = argument("--seed").unwrap_or_else(now_ms);
    println!("seed {seed}, {seconds} s");
    let mut servers = servers().await;
    let url = format!("redis://127.0.0.1:{}", servers.behind_rest.port());
    let local = LocalRedis::start_with(LocalRedisConfig::default().with_redis_url(url)).await.unwrap();
    servers.rest.lead_to(local.address().port());

    let rest = || {
        let url = format!("http://127.0.0.1:{}", servers.rest.port());
        Redis::builder(url, local.token()).timeout(CALL)
    };
    let http2 = || {
        let client = ReqwestTransport::client_builder()
            .http2_prior_knowledge()
            .http2_keep_alive_interval(CALL / 2)
            .http2_keep_alive_timeout(CALL / 2);
        rest().transport(ReqwestTransport::new(client.build().unwrap()))
    };
    let tcp = || Redis::tcp(format!("redis://127.0.0.1:{}", servers.tcp.port())).timeout(CALL);
    let clients = [
        ("rest", rest().build().unwrap()),
        ("alone", rest().auto_pipelining(false).build().unwrap()),
        ("http2", http2().build().unwrap()),
        ("tcp", tcp().build().unwrap()),
    ];
    let (random, counts) = (Arc::new(Random::new(seed)), Arc::new(Counts::default()));
    let (healed, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let tasks: Vec<_> = clients
        .iter()
        .flat_map(|(name, redis)| (0..CLIENTS).map(move |number| Client::new(format!("{name}{number}"), redis.clone())))
        .map(|mut client| {
            let (random, counts) = (Arc::clone(&random), Arc::clone(&counts));
            let (healed, ended) = (Arc::clone(&healed), Arc::clone(&ended));
            tokio::spawn(async move {
                let mut back: Option<Instant> = None;
                while !ended.load(SeqCst) {
                    let answered = client.step(&random, &counts).await;
                    if healed.load(SeqCst) {
                        let since = *back.get_or_insert_with(Instant::now);
                        if answered {
                            break;
                        }
                        assert!(
                            since.elapsed() < RECOVERY,
                            "{} has no answer after {:?}",
                            client.name,
                            since.elapsed()
                        );
                    }
                    sleep(Duration::from_millis(random.below(10))).await;
                }
                client
            })
        })
        .collect();

    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end && !tasks.iter().any(tokio::task::JoinHandle::is_finished) {
        sleep(Duration::from_millis(100 + random.below(900))).await;
        counts.faults.fetch_add(1, SeqCst);
        fault(&mut servers, &random).await;
    }
    healed.store(true, SeqCst);
    let mut known = Vec::new();
    for task in tasks {
        known.push(task.await.expect("a client found something wrong"));
    }
    ended.store(true, SeqCst);

    // The final values, read past the network.
    let direct = Redis::tcp(servers.servers[servers.primary].url()).build().unwrap();
    for mut client in known {
        let count = direct.get::<Option<i64>>(format!("{}:count", client.name)).await.unwrap().unwrap_or_default();
        let range = client.counted..=client.counted + client.maybe_counted;
        assert!(range.contains(&count), "{} counted {count}, which is not in {range:?}", client.name);
        client.redis = direct.clone();
        client.read().await.unwrap();
    }
    let number = |counter: &AtomicU64| counter.load(SeqCst);
    let Counts { done, unknown, refused, faults } = &*counts;
    let (done, unknown, refused, faults) = (number(done), number(unknown), number(refused), number(faults));
    println!("{done} commands done, {unknown} without an answer, {refused} not sent or refused; {faults} faults");
    assert!(done > 100 && faults > 1, "nothing was tried");
    println!(
        "nothing counted twice, no acknowledged write lost, no value of another client, an answer after each fault"
    );
    println!("1 passed, 0 failed");
}
