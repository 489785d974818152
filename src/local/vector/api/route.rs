use percent_encoding::percent_decode_str;

use crate::local::vector::refusal::Refusal;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// The name before the operation. `None` is the index at the root.
    pub(crate) index: Option<String>,
    pub(crate) operation: Operation,
    /// Empty for the default namespace.
    pub(crate) namespace: String,
}

/// An operation of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Upsert,
    UpsertData,
    Query,
    QueryData,
    ResumableQuery,
    ResumableQueryData,
    ResumableNext,
    ResumableEnd,
    Fetch,
    Delete,
    Update,
    Range,
    Random,
    Info,
    Reset,
    ListNamespaces,
    DeleteNamespace,
    RenameNamespace,
}

/// The operations by the names in paths, and whether a namespace may follow.
const OPERATIONS: [(&str, Operation, bool); 18] = [
    ("upsert", Operation::Upsert, true),
    ("upsert-data", Operation::UpsertData, true),
    ("query", Operation::Query, true),
    ("query-data", Operation::QueryData, true),
    ("resumable-query", Operation::ResumableQuery, true),
    ("resumable-query-data", Operation::ResumableQueryData, true),
    ("resumable-query-next", Operation::ResumableNext, false),
    ("resumable-query-end", Operation::ResumableEnd, false),
    ("fetch", Operation::Fetch, true),
    ("delete", Operation::Delete, true),
    ("update", Operation::Update, true),
    ("range", Operation::Range, true),
    ("random", Operation::Random, true),
    ("info", Operation::Info, false),
    ("reset", Operation::Reset, true),
    ("list-namespaces", Operation::ListNamespaces, false),
    ("delete-namespace", Operation::DeleteNamespace, true),
    ("rename-namespace", Operation::RenameNamespace, false),
];

impl Operation {
    fn of_name(name: &str) -> Option<(Self, bool)> {
        let (_, operation, has_namespace) = OPERATIONS.iter().find(|(known, _, _)| *known == name)?;
        Some((*operation, *has_namespace))
    }

    /// Whether the token for reads may not do it.
    pub(crate) fn is_write(self) -> bool {
        matches!(
            self,
            Self::Upsert
                | Self::UpsertData
                | Self::Delete
                | Self::Update
                | Self::Reset
                | Self::DeleteNamespace
                | Self::RenameNamespace
        )
    }
}

impl Route {
    /// Reads a path. Slashes at its end, and several in one place, change nothing.
    pub(crate) fn of(path: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::not_found("there is no such endpoint");
        let segments: Result<Vec<_>, _> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8())
            .collect();
        let segments = segments.map_err(|_| Refusal::invalid("the path is not UTF-8"))?;
        let mut segments = segments.into_iter();
        let first = segments.next().ok_or_else(unknown)?;
        let (index, (operation, has_namespace)) = match Operation::of_name(&first) {
            Some(operation) => (None, operation),
            None => {
                let operation = segments.next().and_then(|name| Operation::of_name(&name)).ok_or_else(unknown)?;
                (Some(first.into_owned()), operation)
            }
        };
        let namespace = segments.next();
        if segments.next().is_some() || (namespace.is_some() && !has_namespace) {
            return Err(unknown());
        }
        Ok(Self { index, operation, namespace: namespace.unwrap_or_default().into_owned() })
    }

    /// Whether an index can have that name: it is not an operation, and needs no escapes in a path.
    pub(crate) fn is_name(name: &str) -> bool {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let is_other = Operation::of_name(name).is_none() && !matches!(name, "v2" | "." | "..");
        (1..=64).contains(&name.len()) && is_plain && is_other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_an_index_an_operation_and_a_namespace() {
        for (path, index, operation, namespace) in [
            ("/query", None, Operation::Query, ""),
            ("/query/", None, Operation::Query, ""),
            ("//query//ns", None, Operation::Query, "ns"),
            ("/dense-2/upsert-data/my%20ns", Some("dense-2"), Operation::UpsertData, "my ns"),
            ("/upsert/a%2Fb", None, Operation::Upsert, "a/b"),
            ("/upsert/query", None, Operation::Upsert, "query"),
            ("/info", None, Operation::Info, ""),
        ] {
            let route = Route { index: index.map(str::to_owned), operation, namespace: namespace.to_owned() };
            assert_eq!(Route::of(path), Ok(route), "{path}");
        }
        for (path, status) in
            [("/", 404), ("/x", 404), ("/x/y", 404), ("/query/a/b", 404), ("/info/a", 404), ("/query/%ff", 400)]
        {
            assert_eq!(Route::of(path).unwrap_err().status, status, "{path}");
        }
        assert!(Route::is_name("dense-2") && !Route::is_name("query") && !Route::is_name("a/b") && !Route::is_name(""));
    }
}
