use serde_json::{Value, json};

use super::{Answer, ApiRequest, filters};
use crate::local::qstash::{account::Account, refusal::Refusal, view};

const DEFAULT_COUNT: usize = 100;
const MAX_COUNT: usize = 1_000;

/// `GET /v2/logs`, which the SDKs call `/v2/events`: the rows are under both names.
pub(super) fn logs(account: &Account, request: &ApiRequest) -> Result<Answer, Refusal> {
    let filter = filters::read(request)?;
    let count = request.query.number::<usize>("count")?.unwrap_or(DEFAULT_COUNT).clamp(1, MAX_COUNT);
    let (rows, cursor) = account.log(&filter, request.query.cursor()?, count);
    let rows: Vec<Value> = rows.iter().map(|row| view::row(row)).collect();
    Ok(Answer::json(json!({ "events": rows.clone(), "logs": rows })).with_cursor(cursor))
}
