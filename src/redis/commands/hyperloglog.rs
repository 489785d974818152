use super::commands;
use crate::redis::ToArg;

commands! {
    /// `PFADD`: says whether the estimate changed.
    write "PFADD" pfadd(key: impl ToArg, elements: impl ToArg) -> bool {
        |cmd| cmd.key(key).arg(elements)
    }

    /// `PFCOUNT`: about how many different elements there are in all of the keys.
    read "PFCOUNT" pfcount(keys: impl ToArg) -> u64 {
        |cmd| cmd.key(keys)
    }

    /// `PFMERGE`: keeps the union under `to`.
    write "PFMERGE" pfmerge(to: impl ToArg, keys: impl ToArg) -> () {
        |cmd| cmd.key(to).key(keys)
    }
}
