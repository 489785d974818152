use std::sync::Arc;

use crate::local::qstash::{
    account::Account,
    records::{DeadLetter, Run, RunFilter},
    refusal::Refusal,
};

impl Account {
    /// The run of a dead letter.
    pub(crate) fn run_of(&self, letter: &DeadLetter) -> Result<&Run, Refusal> {
        let run = letter.message.place().and_then(|place| self.runs.get(&place.run));
        run.ok_or_else(|| Refusal::not_found("the dead letter is of no workflow run"))
    }

    /// So many dead letters of runs, the newest first, beginning after the one of the cursor. With the cursor of the next
    /// page, if there is one.
    pub(crate) fn letters_of_runs(
        &self,
        filter: &RunFilter,
        after: Option<u64>,
        count: usize,
    ) -> (Vec<Arc<DeadLetter>>, Option<String>) {
        let older = self.dead_letters.values().rev().filter(|letter| after.is_none_or(|after| letter.number < after));
        let mut selected =
            older.filter(|letter| self.run_of(letter).is_ok_and(|run| filter.selects_letter(letter, run)));
        let page: Vec<Arc<DeadLetter>> = selected.by_ref().take(count).cloned().collect();
        let cursor = selected.next().and_then(|_| page.last()).map(|letter| letter.id());
        (page, cursor)
    }
}
