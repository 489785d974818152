//! HTTP response caching.
