//! The commands, each written once: its name, whether it only reads, its arguments and its reply.
//!
//! From that one definition come the method of the client, that of the pipeline, and the entry in the [`table`] by
//! which a command that was given by its name is judged.

mod arrays;
mod bitmaps;
mod geo;
mod hashes;
mod hyperloglog;
mod json;
mod keys;
mod lists;
mod pubsub;
mod scripts;
mod search;
mod server;
mod set_options;
mod sets;
mod sorted_set_options;
mod sorted_sets;
mod streams;
mod strings;
pub(super) mod table;
mod vectors;

pub use self::{
    set_options::SetOptions,
    sorted_set_options::{ScoreBound, ZAddOptions, ZRange},
    table::Access,
};

/// Gives [`Redis`](super::Redis) and [`Pipeline`](super::Pipeline) the same methods from one definition.
///
/// ```text
/// /// `GET`: the value, or nil.
/// read "GET" get<T>(key: impl ToArg) -> T { |cmd| cmd.key(key) }
/// ```
/// The first word is the [`Access`]: `read` where running it twice is the same as running it once, `write` elsewhere.
/// A name of two words (`"XINFO GROUPS"`) becomes two arguments.
macro_rules! commands {
    ($(
        $(#[$meta:meta])*
        $access:ident $name:literal $method:ident $(<$generic:ident>)? ( $($arg:ident : $type:ty),* $(,)? ) -> $reply:ty
        { |$cmd:ident| $body:expr }
    )*) => {
        /// The commands of this file.
        pub(super) const COMMANDS: &[crate::redis::commands::table::Entry] =
            &[$(crate::redis::commands::table::Entry::$access($name)),*];

        impl crate::redis::Redis {
            $(
                $(#[$meta])*
                pub fn $method $(<$generic: crate::redis::FromReply>)? (
                    &self, $($arg: $type),*
                ) -> crate::redis::Call<'_, $reply> {
                    let $cmd = crate::redis::Cmd::known(crate::redis::commands::table::Entry::$access($name));
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
                    let $cmd = crate::redis::Cmd::known(crate::redis::commands::table::Entry::$access($name));
                    self.issue($body)
                }
            )*
        }
    };
}
use commands;
