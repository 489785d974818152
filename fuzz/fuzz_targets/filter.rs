#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| axum_upstash::fuzzing::filter(text));
