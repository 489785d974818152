//! README's first program.

include!(concat!(env!("OUT_DIR"), "/readme.rs"));
