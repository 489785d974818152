use super::commands;
use crate::redis::{Pairs, ToArg};

commands! {
    /// `PUBLISH`: returns how many subscribers got the message.
    write "PUBLISH" publish(channel: impl ToArg, message: impl ToArg) -> u64 {
        |cmd| cmd.arg(channel).arg(message)
    }

    /// `PUBSUB CHANNELS`: the channels that match a glob pattern and have subscribers.
    read "PUBSUB CHANNELS" pubsub_channels<T>(pattern: impl ToArg) -> Vec<T> {
        |cmd| cmd.arg(pattern)
    }

    /// `PUBSUB NUMSUB`: how many subscribers each channel has.
    read "PUBSUB NUMSUB" pubsub_numsub(channels: impl ToArg) -> Pairs<String, u64> {
        |cmd| cmd.arg(channels)
    }

    /// `PUBSUB NUMPAT`: how many patterns are subscribed to.
    read "PUBSUB NUMPAT" pubsub_numpat() -> u64 {
        |cmd| cmd
    }
}
