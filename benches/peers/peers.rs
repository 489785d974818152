//! This crate's layers beside the crates that an application would choose otherwise, all with memory stores: one group
//! per question, the same handler and the same requests for each member of a group, in one run.

mod drive;
mod rate_limit;
mod response_cache;
mod session;

use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;
use tower::Layer;

/// The handler alone, without any layer.
fn baseline(criterion: &mut Criterion) {
    let ok = |response: &http::Response<_>| assert_eq!(response.status(), http::StatusCode::OK);
    let mut group = criterion.benchmark_group("baseline");
    both!(&mut group, "no layer", tower::layer::util::Identity::new(), drive::ok, |_| drive::request("/"), ok);
    group.finish();
}

criterion_group! {
    name = peers;
    config = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(900));
    targets = baseline, rate_limit::benches, session::benches, response_cache::benches
}
criterion_main!(peers);
