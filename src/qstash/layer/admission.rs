//! The questions to the guards, after a delivery was verified.

use super::layer::Config;
use crate::qstash::{
    Metadata,
    guard::{MessageLease, Passed, ReplayTicket},
    rejection::QStashRefusal,
};
use futures_core::future::BoxFuture;
use http::Extensions;

/// The message's lease, if there is a guard that gives one.
pub(super) type Admission = Result<Option<MessageLease>, QStashRefusal>;

/// Asks the guards of receiver and layer, in this order; `None` if there are none, or they were asked for this request.
pub(super) fn ask(
    config: &Config,
    metadata: &Metadata,
    ticket: &ReplayTicket,
    extensions: &mut Extensions,
) -> Option<BoxFuture<'static, Admission>> {
    let passed = extensions.get_or_insert_default::<Passed>();
    let replay = config.receiver.replay_guard().and_then(|guard| guard.check(ticket, passed));
    let begin = config.idempotency.as_ref().and_then(|guard| guard.admit(metadata.message_id.as_ref(), passed));
    if replay.is_none() && begin.is_none() {
        return None;
    }
    Some(Box::pin(async move {
        if let Some(replay) = replay {
            replay.await?;
        }
        match begin {
            Some(begin) => begin.await.map(Some),
            None => Ok(None),
        }
    }))
}
