use std::sync::Arc;

use super::{
    Accepted, Account, Receipt, Submission,
    accept::{content_key, id_key},
    recent::DEDUPLICATION_MS,
};
use crate::local::qstash::{
    message::{Deduplication, Message},
    records::{Destination, Record, Schedule},
    refusal::Refusal,
};

impl Account {
    /// Makes a schedule in the place of the one with its id, unless it repeats one. Gives the id.
    pub(crate) fn schedule(
        &mut self,
        now_ms: u64,
        schedule: Schedule,
        deduplication: Option<&Deduplication>,
    ) -> Result<(String, bool), Refusal> {
        if !self.schedules.contains_key(&schedule.id) && self.schedules.len() >= self.limits.max_schedules {
            let limit = self.limits.max_schedules;
            return Err(Refusal::over_quota(format!("quota maxSchedules exceeded, current limit: {limit}")));
        }
        self.check_message(&schedule.options, &schedule.body, now_ms)?;
        if let Destination::Group(name) = &schedule.destination {
            self.existing_group(name)?;
        }
        let key = deduplication.map(|by| schedule_key(by, &schedule));
        if let Some(key) = &key
            && let Some(id) = self.deduplicated.find(now_ms, key)
        {
            return Ok((id.to_owned(), true));
        }
        let id = schedule.id.clone();
        self.commit(now_ms, Record::Schedule(Arc::new(schedule)));
        if let Some(key) = key {
            self.commit(now_ms, Record::Told(key, id.clone(), now_ms.saturating_add(DEDUPLICATION_MS)));
        }
        Ok((id, false))
    }

    pub(crate) fn schedules(&self) -> impl Iterator<Item = &Arc<Schedule>> {
        self.schedules.values()
    }

    pub(crate) fn find_schedule(&self, id: &str) -> Option<&Arc<Schedule>> {
        self.schedules.get(id)
    }

    /// Stops a schedule, or goes on with it. `false` if there is none of that id.
    pub(crate) fn pause_schedule(&mut self, now_ms: u64, id: &str, is_paused: bool) -> bool {
        let Some(schedule) = self.schedules.get(id) else { return false };
        let schedule = Schedule { is_paused, ..Schedule::clone(schedule) };
        self.commit(now_ms, Record::Schedule(Arc::new(schedule)));
        true
    }

    /// Removes a schedule. `false` if there is none of that id. Its messages go on.
    pub(crate) fn remove_schedule(&mut self, now_ms: u64, id: &str) -> bool {
        let is_there = self.schedules.contains_key(id);
        if is_there {
            self.commit(now_ms, Record::ScheduleGone(id.to_owned()));
        }
        is_there
    }

    /// Makes the messages of the schedules that are due. Times that passed while the process did not run are not made up.
    pub(super) fn tick(&mut self, now_ms: u64) {
        while let Some((_, id)) = self.ticks.first().filter(|(at_ms, _)| *at_ms <= now_ms).cloned() {
            let Some(schedule) = self.schedules.get(&id).map(|schedule| Schedule::clone(schedule)) else {
                self.ticks.pop_first();
                continue;
            };
            let mut next = Schedule { next_ms: schedule.cron.next_after(now_ms), ..schedule.clone() };
            if !schedule.is_paused {
                next.last_ms = Some(now_ms);
                match self.trigger(now_ms, &schedule) {
                    Ok(receipts) => {
                        let states = receipts.into_iter().map(|receipt| (receipt.message_id, "IN_PROGRESS"));
                        (next.last_states, next.error) = (states.collect(), None);
                    }
                    Err(refusal) => next.error = Some(refusal.to_string()),
                }
            }
            self.commit(now_ms, Record::Schedule(Arc::new(next)));
        }
    }

    fn trigger(&mut self, now_ms: u64, schedule: &Schedule) -> Result<Vec<Receipt>, Refusal> {
        let submission = Submission {
            destination: schedule.destination.clone(),
            options: Arc::clone(&schedule.options),
            // A repetition is told when the schedule is made.
            deduplication: None,
            body: schedule.body.clone(),
            caller_ip: schedule.caller_ip,
            queue: schedule.queue.clone(),
            topic: None,
            schedule_id: Some(schedule.id.clone()),
        };
        Ok(match self.submit(now_ms, submission)? {
            Accepted::One(receipt) => vec![receipt],
            Accepted::Many(receipts) => receipts,
        })
    }

    pub(super) fn set_last_state(&mut self, message: &Message, state: &'static str) {
        let schedule = message.schedule_id.as_ref().and_then(|id| self.schedules.get_mut(id));
        let schedule = schedule.filter(|schedule| schedule.last_states.contains_key(&message.id));
        if let Some(last) = schedule.and_then(|schedule| Arc::make_mut(schedule).last_states.get_mut(&message.id)) {
            *last = state;
        }
    }

    pub(super) fn set_schedule(&mut self, schedule: Arc<Schedule>) {
        self.drop_tick(&schedule.id);
        if let Some(next_ms) = schedule.next_ms {
            self.ticks.insert((next_ms, schedule.id.clone()));
        }
        self.schedules.insert(schedule.id.clone(), schedule);
    }

    pub(super) fn drop_schedule(&mut self, id: &str) {
        self.drop_tick(id);
        self.schedules.remove(id);
    }

    fn drop_tick(&mut self, id: &str) {
        if let Some(next_ms) = self.schedules.get(id).and_then(|schedule| schedule.next_ms) {
            self.ticks.remove(&(next_ms, id.to_owned()));
        }
    }
}

/// What two schedules have in common of which the second is a repetition: never that of a message.
fn schedule_key(by: &Deduplication, schedule: &Schedule) -> String {
    let destination = match &schedule.destination {
        Destination::Url(url) => url,
        Destination::Group(name) => name,
    };
    let key = match by {
        Deduplication::Id(id) => id_key(id, ""),
        Deduplication::Content => content_key(destination, &schedule.body, &schedule.options.forwarded),
    };
    format!("schedule:{key}")
}
