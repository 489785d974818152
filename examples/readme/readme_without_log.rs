//! The same without a subscriber for the log.

include!(concat!(env!("OUT_DIR"), "/readme_without_log.rs"));
