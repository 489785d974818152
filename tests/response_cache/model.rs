//! Random requests at once, against a model that knows what may be answered.
//!
//! Each resource has a version, which an unsafe request raises. The model is a number for each resource: the version that
//! the last acknowledged change has made. A request that begins after that must not see an older one.
//!
//! `CACHE_MODEL_SECONDS=600 cargo test --release --features full --test response_cache model` runs it for ten minutes;
//! without that it takes a second. `CACHE_MODEL_SEED` repeats a run.

use super::{random::Random, *};
use crate::times::{ms, now_ms};
use std::time::Instant;
use tokio::time::{Instant as Moment, sleep};

const RESOURCES: usize = 6;
const FRESH_MS: u64 = 60_000;

fn one_in(random: &Random, odds: u64) -> bool {
    random.below(odds) == 0
}

async fn wait(random: &Random, longest_ms: u64) {
    sleep(Duration::from_millis(random.below(longest_ms + 1))).await;
}

/// Time as tokio's paused clock has it, for the cache.
#[derive(Clone, Debug)]
struct Time {
    hand: ManualClock,
    begin: Moment,
}

impl Time {
    /// Sets the cache's clock, and reads it.
    fn now_ms(&self) -> u64 {
        let now_ms = START + u64::try_from(self.begin.elapsed().as_millis()).unwrap();
        self.hand.set(ms(now_ms));
        now_ms
    }
}

/// A store that is slow now and then, and fails: before it has done anything, or after it has.
#[derive(Clone, Debug)]
struct Flaky {
    store: MemoryResponseStore,
    random: Random,
    time: Time,
    odds: u64,
}

impl Flaky {
    async fn around<'a, T>(&'a self, call: impl FnOnce() -> BoxFuture<'a, Result<T, Error>>) -> Result<T, Error> {
        wait(&self.random, 20).await;
        self.time.now_ms();
        if one_in(&self.random, self.odds) {
            return Err(Error::new(ErrorKind::Connect, "not sent, says the test"));
        }
        if one_in(&self.random, self.odds) {
            // Beyond the deadline: the write arrives after its caller has gone.
            sleep(Duration::from_millis(400 + self.random.below(300))).await;
        }
        let answer = call().await;
        wait(&self.random, 20).await;
        self.time.now_ms();
        if one_in(&self.random, self.odds) {
            return Err(Error::new(ErrorKind::Timeout, "the answer was lost, says the test"));
        }
        answer
    }
}

impl ResponseStore for Flaky {
    fn get<'a>(&'a self, primary: &'a str, variant: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        Box::pin(self.around(move || self.store.get(primary, variant)))
    }

    fn put<'a>(&'a self, key: &'a str, record: Record, ttl: Duration) -> BoxFuture<'a, Result<(), Error>> {
        let this = self.clone();
        let (key, ttl) = (key.to_owned(), ttl);
        // A command on the wire arrives, also when its caller has gone.
        let late = tokio::spawn(async move { this.around(|| Box::pin(own(&this.store, key, record, ttl))).await });
        Box::pin(async move { late.await.unwrap() })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.around(move || self.store.delete(key)))
    }
}

async fn own(store: &MemoryResponseStore, key: String, record: Record, ttl: Duration) -> Result<(), Error> {
    store.put(&key, record, ttl).await
}

/// The contents that the handlers serve.
struct World {
    random: Random,
    time: Time,
    versions: [std::sync::atomic::AtomicU64; RESOURCES],
    /// The version of the last acknowledged change.
    floors: [std::sync::atomic::AtomicU64; RESOURCES],
    calls: AtomicUsize,
}

impl World {
    async fn handle(&self, request: Request) -> Response {
        let resource: usize = request.uri().path()[1..].parse().unwrap();
        wait(&self.random, 15).await;
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return self.change(resource).await;
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let version = self.versions[resource].load(Ordering::SeqCst);
        let made_ms = self.time.now_ms();
        wait(&self.random, 120).await;
        assert!(!one_in(&self.random, 25), "the handler panics");
        if one_in(&self.random, 15) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let header = |name: &str| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        let (variant, client) = (header("x-variant"), header("x-client"));
        let whose = if resource == 2 { &*client } else { "-" };
        let variant = if resource == 1 { &*variant } else { "-" };
        let text = format!("{resource} {variant} {whose} {version} {made_ms} end");
        let mut chunks: Vec<Chunk> =
            text.as_bytes().chunks(7).map(|part| Ok(Frame::data(Bytes::copy_from_slice(part)))).collect();
        let mut response = Response::new(());
        let head = response.headers_mut();
        head.insert("cache-control", "max-age=60".parse().unwrap());
        head.insert("etag", format!("\"{resource}-{variant}-{whose}-{version}\"").parse().unwrap());
        match resource {
            1 => drop(head.insert("vary", "x-variant".parse().unwrap())),
            2 => match self.random.below(4) {
                0 => drop(head.insert("cache-control", "private, max-age=60".parse().unwrap())),
                1 => drop(head.insert("set-cookie", "a=b".parse().unwrap())),
                2 => drop(head.insert("vary", "x-client".parse().unwrap())),
                _ => request.extensions().get::<PrivateResponse>().cloned().unwrap_or_default().mark(),
            },
            3 if one_in(&self.random, 3) => {
                // It breaks somewhere.
                chunks.truncate(usize::try_from(self.random.below(chunks.len() as u64)).unwrap());
                chunks.push(Err("broken"));
            }
            4 if one_in(&self.random, 3) => chunks.insert(0, Ok(Frame::data(Bytes::from(vec![b' '; 3_000])))),
            5 if one_in(&self.random, 3) => {
                head.insert("content-length", (text.len() + 5).to_string().parse().unwrap());
            }
            _ => {}
        }
        let random = self.random.clone();
        let body = stream::iter(chunks).then(move |chunk| {
            let random = random.clone();
            async move {
                wait(&random, 10).await;
                chunk
            }
        });
        let body = Body::new(StreamBody::new(body));
        response.map(|()| body)
    }

    async fn change(&self, resource: usize) -> Response {
        if one_in(&self.random, 8) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let version = self.versions[resource].fetch_add(1, Ordering::SeqCst) + 1;
        wait(&self.random, 15).await;
        self.time.now_ms();
        version.to_string().into_response()
    }
}

use futures_util::StreamExt;

async fn client(
    world: Arc<World>,
    service: impl tower::Service<Request, Response = Response, Error = Infallible>,
    story: String,
) {
    let random = &world.random;
    let resource = usize::try_from(random.below(RESOURCES as u64)).unwrap();
    let (variant, client) = (random.below(3).to_string(), random.below(3).to_string());
    wait(random, 300).await;
    let uri = format!("/{resource}");
    let (method, is_change) = match random.below(12) {
        0 | 1 => (Method::POST, true),
        2 => (Method::HEAD, false),
        3 => (Method::QUERY, false),
        _ => (Method::GET, false),
    };
    let is_query = method == Method::QUERY;
    let is_head = method == Method::HEAD;
    // The handler of a QUERY is that of a change here: it would be seen if it invalidated nothing and changed something.
    let method = if is_query { Method::GET } else { method };
    let mut headers = vec![("x-variant", &*variant), ("x-client", &*client), ("host", "a.test")];
    let floor = world.floors[resource].load(Ordering::SeqCst);
    let tag = format!(
        "\"{resource}-{}-{}-{floor}\"",
        if resource == 1 { &*variant } else { "-" },
        if resource == 2 { &*client } else { "-" }
    );
    let is_conditional = !is_change && one_in(random, 6);
    if is_conditional {
        headers.push(("if-none-match", &tag));
    }
    if one_in(random, 10) {
        headers.push(("cache-control", "no-cache"));
    }
    let began_ms = world.time.now_ms();
    let answer = service.oneshot(request(method, &uri, &headers)).await.unwrap();
    let (head, body) = answer.into_parts();
    let told = format!("{story}: {uri} {variant} {client}, floor {floor}: {} {:?}", head.status, head.headers);
    if is_change {
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        if let Ok(version) = text.parse::<u64>() {
            world.floors[resource].fetch_max(version, Ordering::SeqCst);
        }
        return;
    }
    if head.status == StatusCode::INTERNAL_SERVER_ERROR {
        return;
    }
    if head.status == StatusCode::NOT_MODIFIED {
        assert!(is_conditional, "{told}");
        // It is the version that the client knows, and no older one.
        assert_eq!(head.headers["etag"], tag, "{told}");
        return;
    }
    assert_eq!(head.status, StatusCode::OK, "{told}");
    if is_head {
        return;
    }
    let hint = http_body::Body::size_hint(&body);
    let Ok(collected) = body.collect().await else {
        assert_eq!(resource, 3, "{told}");
        return;
    };
    let bytes = collected.to_bytes();
    let length = head.headers.get("content-length").map(|length| length.to_str().unwrap().parse::<usize>().unwrap());
    assert!(
        hint.upper().is_none_or(|upper| upper >= bytes.len() as u64) && hint.lower() <= bytes.len() as u64,
        "{told}"
    );
    // An exact length that contradicts the head would end the response before a server notices.
    assert!(hint.exact().is_none() || length.is_none_or(|length| length == bytes.len()), "{told}");
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let told = format!("{told} {text:?}");
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    assert_eq!(parts.len(), 6, "a body that was cut: {told}");
    assert_eq!(parts[0], resource.to_string(), "{told}");
    assert!(resource != 1 || parts[1] == variant, "another variant: {told}");
    assert!(resource != 2 || parts[2] == client, "another client's: {told}");
    assert!(parts[3].parse::<u64>().unwrap() >= floor, "out of date: {told}");
    assert!(parts[4].parse::<u64>().unwrap() + FRESH_MS + 1_000 > began_ms, "stale at {began_ms}: {told}");
}

/// A few seconds of a server, in paused time.
async fn round(seed: u64) -> (usize, usize) {
    let random = Random::new(seed);
    let (clock, hand) = Clock::manual(ms(START));
    let time = Time { hand, begin: Moment::now() };
    let world = Arc::new(World {
        random: random.clone(),
        time: time.clone(),
        versions: Default::default(),
        floors: Default::default(),
        calls: AtomicUsize::new(0),
    });
    let store = MemoryResponseStore::new().with_clock(clock.clone());
    let odds = [1_000_000, 40, 8][usize::try_from(random.below(3)).unwrap()];
    let layer = match random.below(4) {
        0 => ResponseCacheLayer::new(store),
        _ => ResponseCacheLayer::new(Flaky { store, random: random.clone(), time: time.clone(), odds }),
    };
    let layer = layer.with_clock(clock).with_body_limit(1_000).with_wait_timeout(Duration::from_millis(500));
    let handler = Arc::clone(&world);
    let service = layer.layer(service_fn(move |request: Request| {
        let world = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(world.handle(request).await) }
    }));
    let service =
        tower::ServiceBuilder::new().map_response(|response: Response<_>| response.map(Body::new)).service(service);
    let mut requests = 0;
    for burst in 0..12 {
        let mut tasks = Vec::new();
        for index in 0..random.below(20) + 4 {
            let story = format!("CACHE_MODEL_SEED={seed}, request {index} of burst {burst}");
            tasks.push(tokio::spawn(client(Arc::clone(&world), service.clone(), story)));
        }
        requests += tasks.len();
        for task in tasks {
            if one_in(&random, 12) {
                wait(&random, 60).await;
                task.abort();
            }
            let done =
                tokio::time::timeout(Duration::from_secs(60), task).await.expect("a request that is never answered");
            if let Err(error) = done
                && error.is_panic()
            {
                let panic = error.into_panic();
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                assert!(text.contains("the handler panics"), "{text}");
            }
        }
        match random.below(4) {
            0 => sleep(Duration::from_millis(FRESH_MS)).await,
            1 => sleep(Duration::from_secs(1)).await,
            _ => {}
        }
    }
    (requests, world.calls.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn random_requests_get_nothing_stale_cut_or_of_another_client() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    // Handlers that panic are part of it.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.to_string().contains("the handler panics") {
            hook(info);
        }
    }));
    if let Some(seed) = number("CACHE_MODEL_SEED") {
        round(seed).await;
        return;
    }
    let seconds = number("CACHE_MODEL_SECONDS").unwrap_or(1);
    let first = now_ms();
    println!("first seed {first}");
    let (begun, mut rounds, mut requests, mut calls) = (Instant::now(), 0, 0, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let (more_requests, more_calls) = round(first + rounds).await;
        (rounds, requests, calls) = (rounds + 1, requests + more_requests, calls + more_calls);
    }
    println!("{requests} requests and {calls} calls of handlers in {rounds} rounds and {seconds} s");
    assert!(requests > 100 && calls < requests);
}
