//! Hashes whose fields expire, for a Redis that does not know them.
//!
//! The deadlines of a hash are in one hidden field of it. Commands for hashes become scripts that first delete what
//! has expired, and that never show the hidden field. To spare the others that detour, those commands are left alone
//! until a field was given a deadline through this server. In a Redis that was not started here such fields may be
//! older than the server, or another server's: there the detour is always taken.
//!
//! What can be noticed: a field that has expired is deleted when its hash is next used by a command that names the
//! key, so KEYS, SCAN, RANDOMKEY and DBSIZE may count a hash that has nothing left. A client's own script sees the
//! hidden field, whose name begins with a NUL byte, and fields that have expired.

mod change;
mod expiry;
mod fields;
mod hashes;
mod novalues;
mod ordinary;

pub(in crate::local::redis) use self::hashes::Hashes;
