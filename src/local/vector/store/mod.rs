//! What an index holds: namespaces with their records, and the search through them.

mod dense_table;
mod merge_patch;
mod namespace;
mod record;
mod scan;
mod search;
#[cfg(test)]
mod search_tests;

pub(super) use self::{
    namespace::{Counts, Namespace},
    record::{Change, Metadata, NewRecord, Record},
    scan::is_large,
    search::Search,
};
