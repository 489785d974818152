//! The commands, each written once: its name, whether it only reads, its arguments and its reply.
//!
//! From that one definition come the method of the client, that of the pipeline, and the entry in the [`table`] by
//! which a command that was given by its name is judged.

mod array_types;
mod arrays;
mod bitfield;
mod bitmaps;
mod expiry_types;
mod geo;
mod geo_types;
mod hash_expiry;
mod hashes;
mod hyperloglog;
mod json;
mod json_arrays;
mod keys;
mod keyword_enums;
mod lists;
mod pubsub;
mod scan_options;
mod scripts;
mod search;
mod server;
mod sets;
mod sorted_set_algebra;
mod sorted_set_options;
mod sorted_sets;
mod stream_group_types;
mod stream_groups;
mod stream_types;
mod streams;
mod string_options;
mod strings;
pub(super) mod table;
mod vectors;

pub use self::{
    array_types::{ArGrep, ArInfo, ArMatch, ArOp, ArrayIndex},
    bitfield::{BitField, BitOffset, BitType, Overflow},
    bitmaps::{BitOp, BitRange},
    expiry_types::{ExpireCondition, ExpireTime, Ttl},
    geo_types::{GeoAddOptions, GeoHit, GeoPosition, GeoSearch, GeoUnit},
    hash_expiry::{FieldExpiry, FieldPersist, FieldsCondition},
    json_arrays::JsonFormat,
    lists::{LPosOptions, Side},
    scan_options::ScanOptions,
    scripts::{Function, FunctionLibrary, FunctionStats},
    server::{ClientInfo, FlushMode, ServerTime},
    sorted_set_options::{Aggregate, Extreme, LexBound, ScoreBound, ZAddOptions, ZCombine, ZRange},
    stream_group_types::{AutoClaimed, ConsumerInfo, GroupInfo, StreamInfo, XClaimOptions, XGroupCreate, XPending},
    stream_groups::{EntryDeletion, References},
    stream_types::{PendingEntry, PendingSummary, StreamEntry, StreamReads, TrimOptions, XAddOptions},
    string_options::{Compare, Expiry, SetExpiry, SetOptions},
    table::access,
    vectors::{VectorHit, VectorHits, VectorInfo, VectorMetric, VectorProfile},
};

/// Gives [`Redis`](super::Redis) and [`Pipeline`](super::Pipeline) the same methods from one definition.
///
/// ```text
/// /// `GET`: the value, or nil.
/// read "GET" get<T>(key: impl ToArg) -> T { |cmd| cmd.key(key) }
/// ```
/// The first word is the [`Access`]: `read` if running it twice is the same as running it once, `write` otherwise. A
/// name of two words (`"XINFO GROUPS"`) becomes two arguments.
macro_rules! commands {
    ($(
        $(#[$meta:meta])*
        $access:ident $name:literal $method:ident $(<$generic:ident>)? ( $($arg:ident : $type:ty),* $(,)? ) -> $reply:ty
        { |$cmd:ident| $body:expr }
    )*) => {
        /// The commands of this file.
        pub(super) const COMMANDS: &[crate::redis::access::Entry] =
            &[$(crate::redis::access::Entry::$access($name)),*];

        impl crate::redis::Redis {
            $(
                $(#[$meta])*
                pub fn $method $(<$generic: crate::redis::FromReply>)? (
                    &self, $($arg: $type),*
                ) -> crate::redis::Call<'_, $reply> {
                    let $cmd = crate::redis::Cmd::known(crate::redis::access::Entry::$access($name));
                    self.issue($body)
                }
            )*
        }

        impl crate::redis::Pipeline {
            $(
                $(#[$meta])*
                pub fn $method $(<$generic: crate::redis::FromReply>)? (
                    &mut self, $($arg: $type),*
                ) -> crate::redis::Slot<$reply> {
                    let $cmd = crate::redis::Cmd::known(crate::redis::access::Entry::$access($name));
                    self.issue($body)
                }
            )*
        }
    };
}
use commands;
