use std::net::IpAddr;

use super::{DeadLetter, Row, State};
use crate::local::qstash::message::Message;

/// Which messages, rows or dead letters are meant: in each list that is not empty, one has to fit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) message_ids: Vec<String>,
    pub(crate) urls: Vec<String>,
    pub(crate) hosts: Vec<String>,
    pub(crate) paths: Vec<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) topic_names: Vec<String>,
    pub(crate) queue_names: Vec<String>,
    pub(crate) schedule_ids: Vec<String>,
    pub(crate) flow_keys: Vec<String>,
    pub(crate) caller_ips: Vec<String>,
    pub(crate) states: Vec<State>,
    pub(crate) dead_letter_ids: Vec<String>,
    pub(crate) response_statuses: Vec<u16>,
    /// Milliseconds since the epoch, inclusive.
    pub(crate) from_ms: Option<u64>,
    pub(crate) to_ms: Option<u64>,
}

impl Filter {
    /// Whether a message is meant that came at its creation.
    pub(crate) fn selects(&self, message: &Message) -> bool {
        self.selects_message(message) && self.selects_time(message.created_ms)
    }

    pub(crate) fn selects_row(&self, row: &Row) -> bool {
        (self.states.is_empty() || self.states.contains(&row.state))
            && self.selects_time(row.time_ms)
            && self.selects_message(&row.message)
    }

    pub(crate) fn selects_letter(&self, letter: &DeadLetter) -> bool {
        let ids = &self.dead_letter_ids;
        let statuses = &self.response_statuses;
        (ids.is_empty() || ids.iter().any(|id| *id == letter.id()))
            && (statuses.is_empty() || statuses.contains(&letter.outcome.status))
            && self.selects_time(letter.time_ms)
            && self.selects_message(&letter.message)
    }

    fn selects_time(&self, time_ms: u64) -> bool {
        self.from_ms.is_none_or(|from| from <= time_ms) && self.to_ms.is_none_or(|to| time_ms <= to)
    }

    fn selects_message(&self, message: &Message) -> bool {
        let fits = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|wanted| wanted == value))
        };
        let labels = &message.options.labels;
        fits(&self.message_ids, Some(&message.id))
            && fits(&self.urls, Some(&message.url))
            && (self.labels.is_empty() || labels.iter().any(|label| self.labels.contains(label)))
            && fits(&self.topic_names, message.topic.as_ref().map(|topic| topic.name.as_str()))
            && fits(&self.queue_names, message.queue.as_deref())
            && fits(&self.schedule_ids, message.schedule_id.as_deref())
            && fits(&self.flow_keys, message.options.flow.as_ref().map(|(key, _)| &**key))
            && self.selects_ip(message.caller_ip)
            && self.selects_place(&message.url)
    }

    fn selects_ip(&self, caller_ip: Option<IpAddr>) -> bool {
        self.caller_ips.is_empty() || caller_ip.is_some_and(|ip| self.caller_ips.contains(&ip.to_string()))
    }

    fn selects_place(&self, url: &str) -> bool {
        if self.hosts.is_empty() && self.paths.is_empty() {
            return true;
        }
        let Ok(url) = url::Url::parse(url) else { return false };
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let host = url.host_str().unwrap_or_default();
        (self.hosts.is_empty() || self.hosts.iter().any(|wanted| wanted == authority || wanted == host))
            && (self.paths.is_empty() || self.paths.iter().any(|wanted| wanted == url.path()))
    }
}
