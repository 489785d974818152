//! Allocations of a request through a rate limiter, and what a million clients take: numbers, not times.

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use axum_upstash::ratelimit::{FixedWindow, HeaderStyles, RateLimitLayer, Ratelimit};
use std::{alloc::System, convert::Infallible, net::SocketAddr, time::Duration};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer, Service, ServiceExt, layer::util::Identity};
use tower_governor::{GovernorLayer, governor::GovernorConfigBuilder};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 1_000;
const MINUTE: Duration = Duration::from_secs(60);

fn request() -> Request {
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 40_000))));
    request
}

macro_rules! count {
    ($name:expr, $layer:expr) => {{
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut service = $layer.layer(tower::service_fn(|_: Request| async {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        let warm = async |service: &mut _| {
            for _ in 0..10 {
                let _ = Service::call(ServiceExt::<Request>::ready(service).await.unwrap(), request()).await;
            }
        };
        runtime.block_on(warm(&mut service));
        let requests: Vec<Request> = (0..REQUESTS).map(|_| request()).collect();
        let region = Region::new(ALLOCATOR);
        runtime.block_on(async {
            for request in requests {
                let _ = service.ready().await.unwrap().call(request).await;
            }
        });
        let change = region.change();
        let per = |count: usize| count as f64 / REQUESTS as f64;
        println!("{:>6.2} allocations, {:>7.1} bytes  {}", per(change.allocations), per(change.bytes_allocated), $name);
    }};
}

fn main() {
    println!("for each request, its handler included:");
    let ours = || RateLimitLayer::new("default", Ratelimit::memory(FixedWindow::new(1_000_000, MINUTE)));
    let mut governor = GovernorConfigBuilder::default();
    governor.burst_size(1_000_000).period(Duration::from_nanos(1));
    count!("no layer", Identity::new());
    count!("ours, with headers", ours());
    count!("ours, without headers", ours().with_headers(HeaderStyles::NONE));
    count!("tower_governor, without headers", GovernorLayer::new(governor.finish().unwrap()));
    count!("tower_governor, with headers", GovernorLayer::new(governor.use_headers().finish().unwrap()));

    for capacity in [100_000, 1_000_000] {
        let region = Region::new(ALLOCATOR);
        let store = axum_upstash::ratelimit::store::MemoryRateLimitStore::with_capacity(capacity);
        let limiter = Ratelimit::with_store(store, FixedWindow::new(10, Duration::from_secs(86_400)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for client in 0..1_000_000_u32 {
            let address = std::net::Ipv4Addr::from(client).to_string();
            runtime.block_on(limiter.limit(&address)).unwrap();
        }
        let change = region.change();
        let held = change.bytes_allocated - change.bytes_deallocated;
        println!("{:>6.1} MiB after a million clients, room for {capacity}", held as f64 / f64::from(1 << 20));
    }
}
