//! The commands by name, each written once for the client and the pipeline.

mod hashes;
mod keys;
mod set_options;
mod sets;
mod sorted_set_options;
mod sorted_sets;
mod strings;

pub use self::{
    set_options::SetOptions,
    sorted_set_options::{ScoreBound, ZAddOptions, ZRange},
};

/// Gives [`Redis`](super::Redis) and [`Pipeline`](super::Pipeline) the same methods from one definition.
macro_rules! commands {
    ($(
        $(#[$meta:meta])*
        fn $name:ident $(<$generic:ident>)? ( $($arg:ident : $type:ty),* ) -> $reply:ty $body:block
    )*) => {
        impl crate::redis::Redis {
            $(
                $(#[$meta])*
                pub fn $name $(<$generic: crate::redis::FromReply>)? (
                    &self, $($arg: $type),*
                ) -> crate::redis::Call<'_, $reply> {
                    self.issue($body)
                }
            )*
        }

        impl crate::redis::Pipeline {
            $(
                $(#[$meta])*
                pub fn $name $(<$generic: crate::redis::FromReply>)? (
                    &mut self, $($arg: $type),*
                ) -> crate::redis::Slot<$reply> {
                    self.issue($body)
                }
            )*
        }
    };
}
use commands;
