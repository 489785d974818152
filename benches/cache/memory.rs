//! A hit in memory, beside moka and cached.

use std::{convert::Infallible, hint::black_box, time::Duration};

use axum_upstash::cache::Cache;
use cached::proc_macro::cached;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

const KEYS: u64 = 1_000;
const TTL: Duration = Duration::from_secs(3600);

#[cached(time = 3600)]
async fn cached_value(key: usize) -> u64 {
    key as u64
}

fn hit(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let keys: Vec<String> = (0..KEYS).map(|number| format!("product:{number}")).collect();
    let ours = Cache::<str, u64>::memory("bench").with_ttl(TTL);
    let moka = moka::future::Cache::<String, u64>::builder().max_capacity(10_000).time_to_live(TTL).build();
    runtime.block_on(async {
        for key in &keys {
            ours.set(key, 17).await.unwrap();
            moka.insert(key.clone(), 17).await;
            cached_value(key.len()).await;
        }
    });
    let mut group = criterion.benchmark_group("a hit in memory");
    let mut at = 0;
    let mut next = || {
        at = (at + 1) % keys.len();
        &keys[at]
    };
    group.bench_function("moka, get_with", |bencher| {
        bencher.iter(|| {
            let key = next();
            runtime.block_on(async { moka.get_with_by_ref(black_box(key.as_str()), async { 17 }).await })
        });
    });
    group.bench_function("ours, get_or_compute", |bencher| {
        bencher.iter(|| {
            let key = next();
            runtime.block_on(async {
                ours.get_or_compute(black_box(key.as_str()), async |_| Ok::<_, Infallible>(17)).await.unwrap()
            })
        });
    });
    group.bench_function("ours, get", |bencher| {
        bencher.iter(|| {
            let key = next();
            runtime.block_on(async { ours.get(black_box(key.as_str())).await })
        });
    });
    group.bench_function("cached, a function of a number", |bencher| {
        bencher.iter(|| {
            let key = next();
            runtime.block_on(async { cached_value(black_box(key).len()).await })
        });
    });
    group.bench_function("the runtime alone", |bencher| {
        bencher.iter(|| {
            let key = next();
            runtime.block_on(async { black_box(key.len()) })
        });
    });
    group.finish();
}

criterion_group!(benches, hit);
criterion_main!(benches);
