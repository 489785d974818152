use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::HeaderMap;
use sha2::{Digest, Sha256};

use super::{Account, recent::DEDUPLICATION_MS};
use crate::local::qstash::{
    ids,
    message::{Deduplication, Message, Options, Origin, TRACE, Topic},
    records::{Destination, Group, Record, State},
    refusal::Refusal,
    text::InvalidDestination,
};

/// The retries of a message that sets none.
pub(super) const DEFAULT_RETRIES: u32 = 3;
pub(super) const DAY_MS: u64 = 24 * 3600 * 1_000;

/// A message to accept.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    pub(crate) destination: Destination,
    pub(crate) options: Arc<Options>,
    pub(crate) deduplication: Option<Deduplication>,
    pub(crate) body: Bytes,
    pub(crate) caller_ip: Option<IpAddr>,
    pub(crate) queue: Option<Arc<str>>,
    /// The URL group that it was one message of, if it is accepted again.
    pub(crate) topic: Option<Topic>,
    pub(crate) schedule_id: Option<String>,
}

/// A message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) message_id: String,
    pub(crate) url: String,
    /// The message repeats that one, and was dropped.
    pub(crate) is_repetition: bool,
}

/// What came of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    One(Receipt),
    /// One for each endpoint of a URL group.
    Many(Vec<Receipt>),
}

impl Account {
    /// Accepts a message: for a URL group one for each endpoint.
    pub(crate) fn submit(&mut self, now_ms: u64, submission: Submission) -> Result<Accepted, Refusal> {
        match &submission.destination {
            Destination::Url(url) => {
                self.check(&submission.options, &submission.body, 1, now_ms)?;
                let url = url.clone();
                Ok(Accepted::One(self.submit_one(now_ms, &submission, url, submission.topic.clone())?))
            }
            Destination::Group(name) => {
                let group = Arc::clone(self.existing_group(name)?);
                let defaults = Options::read(&group.defaults)?;
                let submission = Submission { options: Arc::new(submission.options.or(&defaults)), ..submission };
                self.check(&submission.options, &submission.body, group.endpoints.len(), now_ms)?;
                let receipts = group.endpoints.iter().map(|endpoint| {
                    let topic = Topic { name: group.name.clone(), endpoint: endpoint.name.clone() };
                    self.submit_one(now_ms, &submission, endpoint.url.clone(), Some(topic))
                });
                Ok(Accepted::Many(receipts.collect::<Result<_, _>>()?))
            }
        }
    }

    /// The URL group that a message is for. A name that no group has was meant as a URL.
    pub(super) fn existing_group(&self, name: &str) -> Result<&Arc<Group>, Refusal> {
        let refusal = || Refusal::invalid(format!("invalid destination url: {}", InvalidDestination::Scheme));
        self.group(name).ok_or_else(refusal)
    }

    /// Refuses what the limits do not allow for any message.
    pub(super) fn check_message(&self, options: &Options, body: &Bytes, now_ms: u64) -> Result<(), Refusal> {
        let limits = &self.limits;
        if body.len() > limits.max_message_bytes || options.size() > limits.max_message_bytes {
            let limit = limits.max_message_bytes;
            return Err(Refusal {
                status: 413,
                text: format!("quota maxMessageSize exceeded, current limit: {limit}").into(),
            });
        }
        let callbacks = [&options.callback, &options.failure_callback].into_iter().flatten();
        for options in callbacks.map(|callback| &*callback.options).chain([options]) {
            if options.retries.is_some_and(|retries| retries > limits.max_retries) {
                return Err(Refusal::invalid("quota maxRetries exceeded"));
            }
            let latest_s = (now_ms / 1_000).saturating_add(limits.max_delay.as_secs());
            if options.delay.is_some_and(|delay| delay > limits.max_delay)
                || options.not_before_s.is_some_and(|time| time > latest_s)
            {
                let limit = limits.max_delay.as_secs();
                return Err(Refusal::invalid(format!("quota maxDelay exceeded, current limit: {limit}")));
            }
        }
        Ok(())
    }

    /// Refuses what the limits do not allow for so many messages now.
    fn check(&self, options: &Options, body: &Bytes, messages: usize, now_ms: u64) -> Result<(), Refusal> {
        self.check_message(options, body, now_ms)?;
        let limits = &self.limits;
        let added = messages.saturating_mul(body.len().saturating_add(options.size()));
        if self.pending_bytes.saturating_add(added) > limits.max_pending_bytes {
            return Err(Refusal::new(429, "too many bytes of messages wait for their delivery"));
        }
        if limits.daily_messages.is_some_and(|limit| self.today(now_ms).saturating_add(messages as u64) > limit) {
            return Err(Refusal::new(429, "Exceeded daily rate limit."));
        }
        Ok(())
    }

    /// The daily limit of messages, what is left of it, and when it begins anew, in seconds since the epoch.
    pub(crate) fn daily_limit(&self, now_ms: u64) -> Option<(u64, u64, u64)> {
        let limit = self.limits.daily_messages?;
        Some((limit, limit.saturating_sub(self.today(now_ms)), (now_ms / DAY_MS + 1) * DAY_MS / 1_000))
    }

    /// The messages that were accepted today.
    fn today(&self, now_ms: u64) -> u64 {
        if self.day.0 == now_ms / DAY_MS { self.day.1 } else { 0 }
    }

    fn submit_one(
        &mut self,
        now_ms: u64,
        submission: &Submission,
        url: String,
        topic: Option<Topic>,
    ) -> Result<Receipt, Refusal> {
        let repetition = submission.deduplication.as_ref().map(|by| repetition_key(by, submission, &url));
        if let Some(key) = &repetition
            && let Some(id) = self.deduplicated.find(now_ms, key)
        {
            return Ok(Receipt { message_id: id.to_owned(), url, is_repetition: true });
        }
        if let Some(queue) = &submission.queue
            && self.queue(queue).is_none()
        {
            self.set_queue(now_ms, queue, None, None)?;
        }
        let options = Arc::clone(&submission.options);
        let message = Arc::new(Message {
            job: self.last_job + 1,
            id: ids::message_id(),
            url,
            max_retries: options.retries.unwrap_or(DEFAULT_RETRIES.min(self.limits.max_retries)),
            body: submission.body.clone(),
            created_ms: now_ms,
            not_before_ms: not_before(now_ms, &options),
            queue: submission.queue.clone(),
            topic,
            schedule_id: submission.schedule_id.clone(),
            caller_ip: submission.caller_ip,
            origin: Origin::Publish,
            options,
        });
        let repetition = repetition.map(|key| (key, now_ms.saturating_add(DEDUPLICATION_MS)));
        self.take(now_ms, &message, repetition);
        Ok(Receipt { message_id: message.id.clone(), url: message.url.clone(), is_repetition: false })
    }

    /// Takes a message in that is complete.
    pub(super) fn take(&mut self, now_ms: u64, message: &Arc<Message>, repetition: Option<(String, u64)>) {
        self.commit(now_ms, Record::Accepted(Arc::clone(message), repetition));
        self.note(now_ms, State::Created, message);
    }
}

/// The earliest time of the first attempt.
pub(super) fn not_before(now_ms: u64, options: &Options) -> u64 {
    match options.not_before_s {
        Some(time) => time.saturating_mul(1_000).max(now_ms),
        None => now_ms.saturating_add(millis(options.delay.unwrap_or_default())),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What two messages have in common of which the second is a repetition.
fn repetition_key(by: &Deduplication, submission: &Submission, url: &str) -> String {
    match by {
        Deduplication::Id(id) => {
            let of_group = if matches!(submission.destination, Destination::Group(_)) { url } else { "" };
            format!("message:{}", id_key(id, of_group))
        }
        Deduplication::Content => {
            format!("message:{}", content_key(url, &submission.body, &submission.options.forwarded))
        }
    }
}

/// An id, which has no colon, for one endpoint of a group.
pub(super) fn id_key(id: &str, endpoint: &str) -> String {
    format!("{id}:{endpoint}")
}

/// The hash of destination, body and fields.
pub(super) fn content_key(destination: &str, body: &[u8], fields: &HeaderMap) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    add(destination.as_bytes());
    add(body);
    // Each call has a trace of its own.
    let mut fields: Vec<_> = fields.iter().filter(|(name, _)| !TRACE.contains(&name.as_str())).collect();
    fields.sort_by(|(a, x), (b, y)| (a.as_str(), x.as_bytes()).cmp(&(b.as_str(), y.as_bytes())));
    for (name, value) in fields {
        add(name.as_str().as_bytes());
        add(value.as_bytes());
    }
    format!(":{}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, hash.finalize()))
}
