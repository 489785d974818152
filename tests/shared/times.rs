//! Times as milliseconds since the Unix epoch, for tests that count with them.

use std::time::{Duration, SystemTime};

pub fn ms(unix_ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(unix_ms)
}

pub fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

pub fn now_ms() -> u64 {
    unix_ms(SystemTime::now())
}
