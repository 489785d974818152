use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use bytes::Bytes;

use crate::local::qstash::{message::Options, text::Cron};

/// The destination of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    Url(String),
    Group(String),
}

/// A schedule.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) id: String,
    pub(crate) cron: Cron,
    pub(crate) destination: Destination,
    pub(crate) options: Arc<Options>,
    pub(crate) body: Bytes,
    pub(crate) queue: Option<Arc<str>>,
    pub(crate) caller_ip: Option<IpAddr>,
    pub(crate) is_paused: bool,
    pub(crate) created_ms: u64,
    pub(crate) last_ms: Option<u64>,
    pub(crate) next_ms: Option<u64>,
    /// What became of the messages of the last time, by their ids.
    pub(crate) last_states: BTreeMap<String, &'static str>,
    /// Why the last time made no message.
    pub(crate) error: Option<String>,
}
