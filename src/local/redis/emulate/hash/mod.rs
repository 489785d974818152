//! Hashes whose fields expire, for a Redis that does not know them, and hashes that are documents.
//!
//! The deadlines of a hash are in one hidden field of it, and so is a document. Commands for hashes become scripts that
//! first delete what has expired, that never show the hidden field, and that refuse documents. To spare the others that
//! detour, those commands are left alone until a field was given a deadline, or a document was written, through this
//! server. A Redis that was not started here may have had such fields and documents before, or from another server:
//! there the detour is always taken. If Redis has deadlines of its own, the detour is for documents alone, and if it has
//! documents as well, there is none.
//!
//! Two differences can be noticed. A field that has expired is deleted when its hash is next used by a command that
//! names the key, so KEYS, SCAN, RANDOMKEY and DBSIZE may count a hash that has nothing left. A client's own script sees
//! the hidden field, whose name begins with a NUL byte, and fields that have expired.

mod change;
mod expiry;
mod fields;
mod hashes;
mod novalues;
mod ordinary;

pub(in crate::local::redis) use self::hashes::Hashes;
