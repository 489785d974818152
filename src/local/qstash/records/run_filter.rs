use super::{DeadLetter, Run};

/// Which runs, or dead letters of runs, are meant: in each list that is not empty, one has to fit.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunFilter {
    pub(crate) ids: Vec<String>,
    pub(crate) urls: Vec<String>,
    /// Whether the beginning of a URL is enough.
    pub(crate) is_by_prefix: bool,
    pub(crate) created_ms: Vec<u64>,
    /// Runs, each with the time at which it was begun.
    pub(crate) runs: Vec<(String, u64)>,
    pub(crate) states: Vec<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) flow_keys: Vec<String>,
    pub(crate) caller_ips: Vec<String>,
    pub(crate) failure_states: Vec<String>,
    pub(crate) dead_letter_ids: Vec<String>,
    pub(crate) response_statuses: Vec<u16>,
    /// Milliseconds since the epoch, inclusive.
    pub(crate) from_ms: Option<u64>,
    pub(crate) to_ms: Option<u64>,
}

impl RunFilter {
    /// Whether a run is meant, by the time at which it was begun.
    pub(crate) fn selects(&self, run: &Run) -> bool {
        self.selects_time(run.start.created_ms) && self.selects_run(run)
    }

    /// Whether a dead letter is meant, by the time at which its run failed.
    pub(crate) fn selects_letter(&self, letter: &DeadLetter, run: &Run) -> bool {
        let statuses = &self.response_statuses;
        (self.dead_letter_ids.is_empty() || self.dead_letter_ids.iter().any(|id| *id == letter.id()))
            && (statuses.is_empty() || statuses.contains(&letter.outcome.status))
            && self.selects_time(letter.time_ms)
            && self.selects_run(run)
    }

    fn selects_time(&self, time_ms: u64) -> bool {
        self.from_ms.is_none_or(|from| from <= time_ms) && self.to_ms.is_none_or(|to| time_ms <= to)
    }

    fn selects_run(&self, run: &Run) -> bool {
        let fits = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|wanted| wanted == value))
        };
        let start = &run.start;
        let is_url = |wanted: &String| match self.is_by_prefix {
            true => start.url.starts_with(wanted.as_str()),
            false => start.url == *wanted,
        };
        let ip = start.caller_ip.map(|ip| ip.to_string());
        fits(&self.ids, Some(&start.id))
            && (self.urls.is_empty() || self.urls.iter().any(is_url))
            && (self.created_ms.is_empty() || self.created_ms.contains(&start.created_ms))
            && (self.runs.is_empty()
                || self.runs.iter().any(|(id, created_ms)| **id == *start.id && *created_ms == start.created_ms))
            && fits(&self.states, Some(run.state().name()))
            && (self.labels.is_empty() || start.options.labels.iter().any(|label| self.labels.contains(label)))
            && fits(&self.flow_keys, start.options.flow.as_ref().map(|(key, _)| &**key))
            && fits(&self.caller_ips, ip.as_deref())
            && fits(&self.failure_states, run.failure.as_ref().map(|call| call.state.name()))
    }
}
