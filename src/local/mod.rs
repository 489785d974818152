//! A local Upstash.
