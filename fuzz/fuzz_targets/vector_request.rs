#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| axum_upstash::fuzzing::vector_request(bytes));
