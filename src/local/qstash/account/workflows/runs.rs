use std::sync::Arc;

use crate::local::qstash::{
    account::Account,
    records::{Run, RunFilter, RunState},
};

impl Account {
    /// When a run began, in milliseconds.
    pub(crate) fn run_created_ms(&self, id: &str) -> Option<u64> {
        Some(self.runs.get(id)?.start.created_ms)
    }

    /// So many runs, the newest first, beginning after the one of the cursor. With the cursor of the next page, if there is
    /// one.
    pub(crate) fn runs(
        &self,
        filter: &RunFilter,
        after: Option<(u64, &str)>,
        count: usize,
    ) -> (Vec<&Run>, Option<String>) {
        let older = |run: &&Run| after.is_none_or(|after| (run.start.created_ms, &*run.start.id) < after);
        let mut selected: Vec<&Run> = match &filter.ids[..] {
            [] => self.runs.values().filter(older).filter(|run| filter.selects(run)).collect(),
            ids => {
                let mut ids: Vec<&String> = ids.iter().collect();
                ids.sort_unstable();
                ids.dedup();
                let named = ids.into_iter().filter_map(|id| self.runs.get(id.as_str()));
                named.filter(older).filter(|run| filter.selects(run)).collect()
            }
        };
        selected.sort_unstable_by(|a, b| (b.start.created_ms, &b.start.id).cmp(&(a.start.created_ms, &a.start.id)));
        let is_more = selected.len() > count;
        selected.truncate(count);
        let cursor = selected.last().filter(|_| is_more);
        let cursor = cursor.map(|run| format!("{}-{}", run.start.created_ms, run.start.id));
        (selected, cursor)
    }

    /// Cancels runs that have not ended, so many at the most, the oldest first. Gives their number.
    pub(crate) fn cancel_runs(&mut self, now_ms: u64, filter: &RunFilter, count: usize) -> usize {
        let meant = |run: &&Run| run.state() == RunState::Started && filter.selects(run);
        let mut runs: Vec<(u64, Arc<str>)> = match &filter.ids[..] {
            [] => self.runs.values().filter(meant).map(named).collect(),
            ids => ids.iter().filter_map(|id| self.runs.get(id.as_str())).filter(meant).map(named).collect(),
        };
        runs.sort_unstable();
        runs.dedup();
        let ended = runs.iter().take(count).map(|(_, id)| self.end_run(now_ms, id, RunState::Canceled, None));
        ended.filter(|is_ended| *is_ended).count()
    }

    /// A run by its id.
    pub(crate) fn run(&self, id: &str) -> Option<&Run> {
        self.runs.get(id)
    }

    /// The times of the next attempts of the messages of a run, with the number of those before.
    pub(crate) fn under_way<'a>(&'a self, run: &'a Run) -> impl Iterator<Item = UnderWay<'a>> {
        run.live.iter().filter_map(|job| {
            let live = self.live.get(job)?;
            Some(UnderWay { message: &live.message, retried: live.retried, next_ms: live.next_ms })
        })
    }
}

/// A message of a run that has not ended.
pub(crate) struct UnderWay<'a> {
    pub(crate) message: &'a crate::local::qstash::message::Message,
    pub(crate) retried: u32,
    pub(crate) next_ms: u64,
}

fn named(run: &Run) -> (u64, Arc<str>) {
    (run.start.created_ms, Arc::clone(&run.start.id))
}
