//! An account that lives: schedules tick when they are due, and attempts are made.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT},
};
use tokio::{
    sync::Notify,
    task::{Id, JoinSet},
};

use super::{
    account::{Account, Attempt},
    deliver::{Courier, Delivery, Outcome},
    dispatch::JobId,
    faults::{AttemptFault, LocalQStashFaults},
    sign::sign,
};
use crate::local::clock::LocalClock;

/// Fields of one connection, which no message sets.
const NOT_SENT: [HeaderName; 8] = [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Fields that name the origin of a message, which no message sets.
const OWN: [&str; 3] = ["upstash-schedule-id", "upstash-topic-name", "upstash-caller-ip"];

/// An account, its clock, and what makes its attempts.
#[derive(Debug)]
pub(super) struct Agent {
    account: Mutex<Account>,
    clock: LocalClock,
    courier: Arc<Courier>,
    region: &'static str,
    faults: LocalQStashFaults,
    /// Something may be due.
    changed: Notify,
    /// Something was done.
    progressed: Notify,
    /// No attempt is made any more.
    closed: Notify,
}

struct NotifyOnDrop<'a>(&'a Notify);

impl Drop for NotifyOnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Agent {
    pub(super) fn new(
        account: Account,
        clock: LocalClock,
        courier: Arc<Courier>,
        region: &'static str,
        faults: LocalQStashFaults,
    ) -> Self {
        let (changed, progressed, closed) = (Notify::new(), Notify::new(), Notify::new());
        Self { account: Mutex::new(account), clock, courier, region, faults, changed, progressed, closed }
    }

    /// Does something with the account at the time of its clock, and then what is due.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Account, u64) -> T) -> T {
        // Even if it panics: something may be due.
        let _changed = NotifyOnDrop(&self.changed);
        act(&mut self.lock(), self.clock.now_ms())
    }

    /// Looks at the account.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Account, u64) -> T) -> T {
        look(&mut self.lock(), self.clock.now_ms())
    }

    /// Waits until no attempt runs and none is due.
    pub(super) async fn idle(&self) {
        loop {
            let progressed = self.progressed.notified();
            if self.look(|account, now_ms| account.is_idle(now_ms)) {
                return;
            }
            progressed.await;
        }
    }

    /// Ends [`run`](Self::run).
    pub(super) fn close(&self) {
        self.closed.notify_one();
    }

    /// Makes attempts until it is closed, or the future is dropped. Either breaks off those that run.
    pub(super) async fn run(self: Arc<Self>) {
        let mut attempts = JoinSet::new();
        let mut jobs: HashMap<Id, JobId> = HashMap::new();
        loop {
            let (begun, due) = self.look(|account, now_ms| {
                let begun: Vec<_> = account.begin_due(now_ms);
                let key = account.keys().current.clone();
                (begun.into_iter().map(|attempt| (attempt, key.clone())).collect::<Vec<_>>(), account.next_due())
            });
            for (attempt, key) in begun {
                let job = attempt.job;
                let task = attempts.spawn(Arc::clone(&self).attempt(attempt, key));
                jobs.insert(task.id(), job);
            }
            self.progressed.notify_waiters();
            tokio::select! {
                () = self.closed.notified() => return attempts.shutdown().await,
                () = self.changed.notified() => {}
                () = self.clock.sleep_until(due.unwrap_or(u64::MAX)), if due.is_some() => {}
                Some(ended) = attempts.join_next_with_id() => match ended {
                    Ok((id, ())) => {
                        jobs.remove(&id);
                    }
                    // A service in this process panicked.
                    Err(error) => if let Some(job) = jobs.remove(&error.id()) {
                        self.with(|account, now_ms| account.ended(now_ms, job, Outcome::failed("the destination panicked")));
                    }
                },
            }
        }
    }

    async fn attempt(self: Arc<Self>, attempt: Attempt, key: String) {
        let job = attempt.job;
        let outcome = match self.faults.of_attempt(job, attempt.retried) {
            None => self.deliver(&attempt, &key).await,
            Some(AttemptFault::Unreachable) => Outcome::failed("a fault was asked for: not reached"),
            Some(AttemptFault::LostResponse) => {
                self.deliver(&attempt, &key).await;
                Outcome::failed("a fault was asked for: the response was lost")
            }
            Some(AttemptFault::Repeated) => {
                self.deliver(&attempt, &key).await;
                self.deliver(&attempt, &key).await
            }
        };
        self.with(|account, now_ms| account.ended(now_ms, job, outcome));
    }

    async fn deliver(&self, attempt: &Attempt, key: &str) -> Outcome {
        let message = &attempt.message;
        let delivery = Delivery {
            url: message.url.clone(),
            method: message.options.method(),
            headers: self.fields(attempt, key),
            body: attempt.body.clone(),
            timeout_ms: attempt.timeout_ms,
            max_response: attempt.max_response,
        };
        self.courier.deliver(delivery).await
    }

    /// The fields of an attempt.
    fn fields(&self, attempt: &Attempt, key: &str) -> HeaderMap {
        let message = &attempt.message;
        let mut fields = message.options.forwarded.clone();
        for name in NOT_SENT {
            fields.remove(name);
        }
        for name in OWN {
            fields.remove(name);
        }
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                fields.insert(name, value);
            }
        };
        // Signatures tell the system's time, whatever the clock of a test says.
        let signature = sign(key, &message.url, &attempt.body, LocalClock::system_s());
        set("upstash-signature", &signature);
        set("upstash-message-id", &message.id);
        set("upstash-retried", &attempt.retried.to_string());
        set("upstash-region", self.region);
        if let Some(id) = &message.schedule_id {
            set("upstash-schedule-id", id);
        }
        if let Some(topic) = &message.topic {
            set("upstash-topic-name", &topic.name);
        }
        if let Some(ip) = message.caller_ip {
            set("upstash-caller-ip", &ip.to_string());
        }
        fields.insert(USER_AGENT, HeaderValue::from_static("Upstash-QStash"));
        fields
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
