//! The verification of a delivery, beside the least that it takes: HMAC-SHA-256 over the token and SHA-256 of the body.

use std::hint::black_box;

use axum_upstash::qstash::{Receiver, Signer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const KEY: &str = "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r";
const URL: &str = "https://app.example.com/webhooks/receipt";

fn verify(criterion: &mut Criterion) {
    let receiver = Receiver::new(KEY, "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs").unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    for (name, bytes) in [("1 KiB", 1024), ("1 MiB", 1024 * 1024)] {
        let body = vec![b'x'; bytes];
        let token = Signer::new(KEY).unwrap().sign(URL, &body);
        let (signed, _) = token.rsplit_once('.').unwrap();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function("HMAC and SHA-256 alone", |bencher| {
            bencher.iter(|| {
                let tag = mac.clone().chain_update(black_box(signed)).finalize();
                (tag.into_bytes(), Sha256::digest(black_box(&body)))
            });
        });
        group.bench_function("Receiver::verify", |bencher| {
            bencher.iter(|| receiver.verify(black_box(&token), black_box(&body)).unwrap());
        });
        group.finish();
    }
}

criterion_group!(benches, verify);
criterion_main!(benches);
