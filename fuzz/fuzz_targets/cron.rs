#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u64, &str)| axum_upstash::fuzzing::cron(input.1, input.0));
