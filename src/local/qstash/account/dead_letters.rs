use std::{collections::BTreeMap, sync::Arc};

use super::{Account, Receipt, Submission, accept::Accepted};
use crate::local::qstash::{
    message::Options,
    records::{DeadLetter, Destination, Filter, Record},
    refusal::Refusal,
};

impl Account {
    /// The dead letter of that id.
    pub(crate) fn dead_letter(&self, id: &str) -> Option<&Arc<DeadLetter>> {
        let (_, number) = id.split_once('-')?;
        self.dead_letters.get(&number.parse().ok()?).filter(|letter| letter.id() == id)
    }

    /// The dead letter of that number.
    pub(crate) fn numbered_dead_letter(&self, number: u64) -> Option<&DeadLetter> {
        self.dead_letters.get(&number).map(|letter| &**letter)
    }

    /// So many dead letters, the newest first, beginning after the one of the cursor. With the cursor of the next page,
    /// if there is one.
    pub(crate) fn dead_letters(
        &self,
        filter: &Filter,
        after: Option<u64>,
        count: usize,
    ) -> (Vec<Arc<DeadLetter>>, Option<String>) {
        let is_older = |number: u64| after.is_none_or(|after| number < after);
        // Ids are looked up, and compared no more.
        let others = Filter { dead_letter_ids: Vec::new(), ..filter.clone() };
        let mut named: BTreeMap<u64, &Arc<DeadLetter>> = BTreeMap::new();
        for letter in filter.dead_letter_ids.iter().filter_map(|id| self.dead_letter(id)) {
            named.insert(letter.number, letter);
        }
        let candidates: Box<dyn Iterator<Item = &Arc<DeadLetter>>> = match filter.dead_letter_ids.is_empty() {
            true => Box::new(self.dead_letters.values().rev()),
            false => Box::new(named.into_values().rev()),
        };
        // Those of workflows are listed apart.
        let older = candidates.filter(|letter| is_older(letter.number) && letter.message.place().is_none());
        let mut selected = older.filter(|letter| others.selects_letter(letter));
        let page: Vec<Arc<DeadLetter>> = selected.by_ref().take(count).cloned().collect();
        let cursor = selected.next().and_then(|_| page.last()).map(|letter| letter.id());
        (page, cursor)
    }

    /// Removes a dead letter.
    pub(crate) fn remove_dead_letter(&mut self, now_ms: u64, number: u64) {
        self.commit(now_ms, Record::DeadLetterGone(number));
    }

    /// Publishes a dead letter again, as it was and with what the request sets otherwise.
    pub(crate) fn revive(&mut self, now_ms: u64, letter: &DeadLetter, over: &Options) -> Result<Receipt, Refusal> {
        let message = &letter.message;
        let submission = Submission {
            destination: Destination::Url(message.url.clone()),
            options: Arc::new(over.or(&Options {
                // It has been waited for already.
                delay: None,
                not_before_s: None,
                ..Options::clone(&message.options)
            })),
            deduplication: None,
            body: message.body.clone(),
            caller_ip: message.caller_ip,
            queue: message.queue.clone(),
            topic: message.topic.clone(),
            schedule_id: message.schedule_id.clone(),
        };
        let accepted = self.submit(now_ms, submission)?;
        self.remove_dead_letter(now_ms, letter.number);
        match accepted {
            Accepted::One(receipt) => Ok(receipt),
            Accepted::Many(_) => Err(Refusal::invalid("the message was one of a url group")),
        }
    }
}
