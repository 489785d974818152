use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;

/// The stored form of a session: readable text that does not depend on how a crate writes its types.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) data: HashMap<String, Value>,
    /// Unix seconds.
    pub(super) expires: i64,
}

/// The same without a copy.
#[derive(Serialize)]
pub(super) struct Storing<'a> {
    pub(super) data: &'a HashMap<String, Value>,
    pub(super) expires: i64,
}
