//! What a request asks of an index, without texts turned into vectors yet.

use serde_json::value::RawValue;

use super::{
    fields::{Fields, Form, form, id, items, json},
    query::{self, Asked, Include},
    records::{self, Content},
    route::{Operation, Route},
};
use crate::local::vector::{
    filter::Filter,
    limits::LocalVectorLimits,
    refusal::Refusal,
    store::{Change, NewRecord},
};

/// A request of one index.
#[derive(Debug)]
pub(crate) enum Request {
    Upsert {
        records: Vec<NewRecord>,
        is_text: bool,
    },
    /// A list of queries has a list of answers.
    Query {
        queries: Vec<Asked>,
        is_list: bool,
    },
    ResumableQuery {
        query: Asked,
        max_idle_s: u64,
    },
    ResumableNext {
        id: String,
        count: usize,
    },
    ResumableEnd {
        id: String,
    },
    Fetch {
        selector: Selector,
        include: Include,
    },
    Delete {
        selector: Selector,
    },
    Update {
        change: Change,
    },
    Range {
        cursor: u64,
        limit: usize,
        prefix: String,
        include: Include,
    },
    Random,
    Info,
    Reset {
        is_all: bool,
    },
    ListNamespaces,
    DeleteNamespace,
    RenameNamespace {
        from: String,
        to: String,
        is_forced: bool,
    },
}

/// The records that a request is for.
#[derive(Debug)]
pub(crate) enum Selector {
    Ids(Vec<String>),
    Prefix(String),
    Matching(Filter),
}

/// How many records a page has without a limit.
const DEFAULT_LIMIT: u64 = 100;
/// How long a resumable query is kept without a sign of its client, in seconds.
const DEFAULT_MAX_IDLE: u64 = 3600;

/// How much a request has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It does not look at every record.
    Cheap,
    /// It looks at every record, so many times at all of their numbers, and at their metadata by filters of so many bytes.
    Scan { scans: usize, filter_bytes: usize },
}

impl Request {
    pub(crate) fn cost(&self) -> Cost {
        match self {
            Self::Query { queries, .. } => {
                Cost::Scan { scans: queries.len(), filter_bytes: queries.iter().map(|query| query.filter_bytes).sum() }
            }
            Self::ResumableQuery { query, .. } => Cost::Scan { scans: 1, filter_bytes: query.filter_bytes },
            Self::ResumableNext { .. } => Cost::Scan { scans: 1, filter_bytes: 0 },
            Self::Delete { selector: Selector::Matching(_) } => Cost::Scan { scans: 1, filter_bytes: 1_000 },
            _ => Cost::Cheap,
        }
    }

    /// Reads the body of a request, and its query string for `reset?all`.
    pub(crate) fn read(
        route: &Route,
        query_string: Option<&str>,
        body: &[u8],
        limits: &LocalVectorLimits,
    ) -> Result<Self, Refusal> {
        match route.operation {
            Operation::Upsert => upsert(body, Content::Vectors, limits),
            Operation::UpsertData => upsert(body, Content::Text, limits),
            Operation::Query => queries(body, false, limits),
            Operation::QueryData => queries(body, true, limits),
            Operation::ResumableQuery => resumable(body, false, limits),
            Operation::ResumableQueryData => resumable(body, true, limits),
            Operation::ResumableNext => {
                let mut fields = Fields::of(json(body)?)?;
                let id = handle(&mut fields)?;
                let count = fields.count("additionalK")?;
                let count = count.ok_or_else(|| Refusal::unprocessable("additionalK is missing"))?;
                let count = query::count(count, "additionalK", limits)?;
                fields.finish()?;
                Ok(Self::ResumableNext { id, count })
            }
            Operation::ResumableEnd => {
                let mut fields = Fields::of(json(body)?)?;
                let id = handle(&mut fields)?;
                fields.finish()?;
                Ok(Self::ResumableEnd { id })
            }
            Operation::Fetch => fetch(body, limits),
            Operation::Delete => delete(body, limits),
            Operation::Update => Ok(Self::Update { change: records::change(json(body)?, limits)? }),
            Operation::Range => range(body, limits),
            Operation::Random => Ok(Self::Random),
            Operation::Info => Ok(Self::Info),
            Operation::Reset => {
                let is_all = |part: &str| matches!(part, "all" | "all=" | "all=true");
                Ok(Self::Reset { is_all: query_string.unwrap_or_default().split('&').any(is_all) })
            }
            Operation::ListNamespaces => Ok(Self::ListNamespaces),
            Operation::DeleteNamespace => Ok(Self::DeleteNamespace),
            Operation::RenameNamespace => {
                let mut fields = Fields::of(json(body)?)?;
                let mut name =
                    |name: &str| fields.text(name)?.ok_or_else(|| Refusal::unprocessable(format!("{name} is missing")));
                let (from, to) = (name("namespace")?, name("newNamespace")?);
                let is_forced = fields.flag("deleteExisting")?;
                fields.finish()?;
                Ok(Self::RenameNamespace { from, to, is_forced })
            }
        }
    }
}

/// One item, or the items of a list.
fn one_or_many<'a>(json: &'a RawValue, limits: &LocalVectorLimits) -> Result<(Vec<&'a RawValue>, bool), Refusal> {
    if form(json) != Form::List {
        return Ok((vec![json], false));
    }
    let items = items(json)?;
    if items.is_empty() {
        return Err(Refusal::unprocessable("the list is empty"));
    }
    checked_batch(items.len(), limits)?;
    Ok((items, true))
}

fn checked_batch(length: usize, limits: &LocalVectorLimits) -> Result<(), Refusal> {
    let most = limits.batch;
    if length > most {
        return Err(Refusal::unprocessable(format!(
            "{length} items are too many for one request: at most {most} are allowed"
        )));
    }
    Ok(())
}

/// Reads each item. The refusal of one of several says which.
fn each<T>(
    (items, is_list): (Vec<&RawValue>, bool),
    read: impl Fn(&RawValue) -> Result<T, Refusal>,
) -> Result<(Vec<T>, bool), Refusal> {
    let read = |(at, item): (usize, &RawValue)| {
        read(item).map_err(|refusal| if is_list { refusal.of_item(at) } else { refusal })
    };
    Ok((items.into_iter().enumerate().map(read).collect::<Result<_, _>>()?, is_list))
}

fn upsert(body: &[u8], content: Content, limits: &LocalVectorLimits) -> Result<Request, Refusal> {
    let items = one_or_many(json(body)?, limits)?;
    let (records, _) = each(items, |item| records::record(item, content, limits))?;
    Ok(Request::Upsert { records, is_text: content == Content::Text })
}

fn queries(body: &[u8], is_text: bool, limits: &LocalVectorLimits) -> Result<Request, Refusal> {
    let items = one_or_many(json(body)?, limits)?;
    let (queries, is_list) = each(items, |item| query::query(item, is_text, limits))?;
    Ok(Request::Query { queries, is_list })
}

fn resumable(body: &[u8], is_text: bool, limits: &LocalVectorLimits) -> Result<Request, Refusal> {
    let mut fields = Fields::of(json(body)?)?;
    let query = query::read(&mut fields, is_text, limits)?;
    let max_idle_s = fields.count("maxIdle")?.unwrap_or(DEFAULT_MAX_IDLE);
    if max_idle_s > u64::from(u32::MAX) {
        return Err(Refusal::unprocessable("maxIdle must be at most 4294967295"));
    }
    fields.finish()?;
    Ok(Request::ResumableQuery { query, max_idle_s })
}

/// The id of a resumable query.
fn handle(fields: &mut Fields<'_>) -> Result<String, Refusal> {
    fields.text("uuid")?.ok_or_else(|| Refusal::unprocessable("uuid is missing"))
}

fn fetch(body: &[u8], limits: &LocalVectorLimits) -> Result<Request, Refusal> {
    let mut fields = Fields::of(json(body)?)?;
    let (ids, prefix) = (fields.ids("ids")?, fields.text("prefix")?);
    let include = Include::read(&mut fields)?;
    fields.finish()?;
    let selector = match (ids, prefix) {
        (Some(ids), None) => {
            checked_batch(ids.len(), limits)?;
            Selector::Ids(ids)
        }
        (None, Some(prefix)) => Selector::Prefix(prefix),
        _ => return Err(Refusal::unprocessable("Only one of ids or prefix must be provided.")),
    };
    Ok(Request::Fetch { selector, include })
}

/// The records to delete: an object that says which, ids in a list, or one id, even without quotes.
fn delete(body: &[u8], limits: &LocalVectorLimits) -> Result<Request, Refusal> {
    let of_ids = |ids: Vec<String>| {
        checked_batch(ids.len(), limits)?;
        Ok(Request::Delete { selector: Selector::Ids(ids) })
    };
    let Ok(json) = json(body) else {
        // One that breaks off is no id.
        if body.is_empty() || body.starts_with(b"{") || body.starts_with(b"[") {
            return Err(Refusal::invalid("the body is no JSON and no id"));
        }
        let id = std::str::from_utf8(body).map_err(|_| Refusal::invalid("the body is not UTF-8"))?;
        return of_ids(vec![id.to_owned()]);
    };
    match form(json) {
        Form::Object => {}
        Form::List => return of_ids(items(json)?.into_iter().map(id).collect::<Result<_, _>>()?),
        Form::Text | Form::Other => return of_ids(vec![id(json).unwrap_or_else(|_| json.get().to_owned())]),
    }
    let mut fields = Fields::of(json)?;
    let (ids, prefix, filter) = (fields.ids("ids")?, fields.text("prefix")?, fields.text("filter")?);
    fields.finish()?;
    match (ids, prefix, filter) {
        (Some(ids), None, None) => of_ids(ids),
        (None, Some(prefix), None) => Ok(Request::Delete { selector: Selector::Prefix(prefix) }),
        (None, None, Some(text)) => {
            let filter = query::filter(&text, limits)?;
            if filter == Filter::Always {
                return Err(Refusal::unprocessable("the filter is empty: reset deletes all records"));
            }
            Ok(Request::Delete { selector: Selector::Matching(filter) })
        }
        _ => Err(Refusal::unprocessable("Only and only one of the ids, prefix, or filter must be provided.")),
    }
}

fn range(body: &[u8], limits: &LocalVectorLimits) -> Result<Request, Refusal> {
    let mut fields = Fields::of(json(body)?)?;
    let cursor = match fields.raw("cursor") {
        None => 0,
        Some(cursor) => match cursor.get().trim_matches('"') {
            "" => 0,
            number => number.parse().map_err(|_| Refusal::unprocessable("cursor must be one of an earlier answer"))?,
        },
    };
    let limit = query::count(fields.count("limit")?.unwrap_or(DEFAULT_LIMIT), "limit", limits)?;
    let prefix = fields.text("prefix")?.unwrap_or_default();
    let include = Include::read(&mut fields)?;
    fields.finish()?;
    Ok(Request::Range { cursor, limit, prefix, include })
}
