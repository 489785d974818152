use super::commands;
use crate::redis::{
    ToArg,
    search::{AggregateResult, Aggregation, Description, Filter, Hit, Index, IndexEntry, Query},
};

commands! {
    /// `SEARCH.CREATE`: makes an index; `false` if the same one is there and that is no error.
    write "SEARCH.CREATE" search_create(name: impl ToArg, index: Index) -> bool {
        |cmd| cmd.arg(name).arg(index)
    }

    /// `SEARCH.QUERY`: the documents that match, or nil if there is no such index.
    read "SEARCH.QUERY" search_query(name: impl ToArg, filter: Filter, query: Query) -> Option<Vec<Hit>> {
        |cmd| cmd.arg(name).arg(filter).arg(query)
    }

    /// `SEARCH.AGGREGATE`: numbers about the documents that match, or nil if there is no such index.
    read "SEARCH.AGGREGATE" search_aggregate(
        name: impl ToArg, filter: Filter, aggregation: Aggregation,
    ) -> Option<AggregateResult> {
        |cmd| cmd.arg(name).arg(filter).arg(aggregation)
    }

    /// `SEARCH.COUNT`: how many documents match, -1 if there is no such index.
    read "SEARCH.COUNT" search_count(name: impl ToArg, filter: Filter) -> i64 {
        |cmd| cmd.arg(name).arg(filter)
    }

    /// `SEARCH.DESCRIBE`: what an index is, or nil.
    read "SEARCH.DESCRIBE" search_describe(name: impl ToArg) -> Option<Description> {
        |cmd| cmd.arg(name)
    }

    /// `SEARCH.DROP`: says whether there was such an index. Other names of it do not count.
    write "SEARCH.DROP" search_drop(name: impl ToArg) -> bool {
        |cmd| cmd.arg(name)
    }

    /// `SEARCH.WAITINDEXING`: waits until all writes are indexed; `false` if there is no such index. For tests.
    read "SEARCH.WAITINDEXING" search_wait_indexing(name: impl ToArg) -> bool {
        |cmd| cmd.arg(name)
    }

    /// `SEARCH.REINDEX`: indexes everything again; `false` if there is no such index.
    write "SEARCH.REINDEX" search_reindex(name: impl ToArg) -> bool {
        |cmd| cmd.arg(name)
    }

    /// `SEARCH.LISTINDEXES`: the indexes whose names match a glob pattern.
    read "SEARCH.LISTINDEXES" search_listindexes(pattern: impl ToArg) -> Vec<IndexEntry> {
        |cmd| cmd.arg("MATCH").arg(pattern)
    }

    /// `SEARCH.ALIASADD`: another name for an index; 1 if it is new, 2 if it was another's.
    write "SEARCH.ALIASADD" search_aliasadd(alias: impl ToArg, name: impl ToArg) -> u64 {
        |cmd| cmd.arg(alias).arg(name)
    }

    /// `SEARCH.ALIASDEL`: says whether there was such a name.
    write "SEARCH.ALIASDEL" search_aliasdel(alias: impl ToArg) -> bool {
        |cmd| cmd.arg(alias)
    }

    /// `SEARCH.LISTALIASES`: each name and its index.
    read "SEARCH.LISTALIASES" search_listaliases() -> Vec<(String, String)> {
        |cmd| cmd
    }
}
