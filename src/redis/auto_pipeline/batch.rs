use super::{Waiting, lane::Flight};
use crate::{
    Error,
    client::Repeat,
    redis::{
        Reply, RequestKind,
        encode::{self, Encoded},
        rest::{Purpose, Rest},
    },
    rt::{Deadline, sleep, timeout, yield_now},
};
use std::{future::Future, pin::pin, sync::Arc, time::Duration};

/// Commands that share a request, and their callers.
pub(super) struct Batch {
    /// A caller that has been answered, or that is gone, leaves its place empty.
    callers: Vec<Option<Waiting>>,
    flight: Option<Flight>,
    sent: bool,
}

type Replies = Vec<Result<Reply, Error>>;

impl Batch {
    pub(super) fn new(batch: Vec<Waiting>, flight: Flight) -> Self {
        Self { callers: batch.into_iter().map(Some).collect(), flight: Some(flight), sent: false }
    }

    /// The commands of one turn, of which nothing goes on afterwards.
    pub(super) fn of_one_turn(batch: Vec<Waiting>) -> Self {
        Self { callers: batch.into_iter().map(Some).collect(), flight: None, sent: false }
    }

    /// Sends the commands, and no others after them.
    pub(super) async fn send_once(mut self, rest: Arc<Rest>) {
        self.deliver(&rest).await;
    }

    /// Sends the commands, and after them what has come to wait in the meantime.
    pub(super) async fn send(mut self) {
        loop {
            let Some(lane) = self.flight.as_ref().and_then(Flight::lane).map(Arc::clone) else { return };
            self.deliver(&lane.rest).await;
            // The answered callers run first: their next commands then go into one request, not into two.
            yield_now().await;
            let Some(flight) = self.flight.take() else { return };
            match lane.land(flight) {
                Some((batch, flight)) => self = Self::new(batch, flight),
                None => return,
            }
        }
    }

    async fn deliver(&mut self, rest: &Rest) {
        let reads = self.open().filter(|one| one.repeat == Repeat::Safe).count();
        let mixed = reads > 0 && reads < self.callers.len();
        let Err(error) = self.attempt(rest).await else { return };
        // Reads among writes: the request was not repeated for the sake of the writes, but they can be, in their time.
        if mixed && let Some(wait) = rest.wait_after(&error) {
            self.fail(&error, |one| one.repeat != Repeat::Safe || one.deadline.remaining() <= wait);
            if self.open().next().is_some() {
                sleep(wait).await;
                match self.attempt(rest).await {
                    Ok(()) => return,
                    Err(error) => return self.fail(&error, |_| true),
                }
            }
        }
        self.fail(&error, |_| true);
    }

    /// Sends the commands that are left once, and answers their callers unless the request as a whole failed.
    async fn attempt(&mut self, rest: &Rest) -> Result<(), Error> {
        self.callers.retain(Option::is_some);
        let Some(deadline) = self.open().map(|one| one.deadline).reduce(Deadline::latest) else { return Ok(()) };
        let repeat = if self.open().all(|one| one.repeat == Repeat::Safe) { Repeat::Safe } else { Repeat::IfNotSent };
        let commands = self.callers.len();
        self.sent = true;
        let replies = if commands == 1 {
            let body = self.open().map(|one| one.command.clone()).next().unwrap_or_default();
            let encoded = Encoded { path: "/".into(), body, is_json: true };
            // One command's failure is its own, whatever it was.
            self.watch(rest, async { Ok(vec![rest.single(encoded, repeat, deadline).await]) }).await?
        } else {
            let body = encode::join(self.open().map(|one| &one.command[..]));
            let encoded = Encoded { path: "/pipeline".into(), body, is_json: true };
            let purpose = Purpose { kind: RequestKind::AutoPipeline, commands, repeat, deadline };
            self.watch(rest, rest.items(encoded, purpose)).await?
        };
        for (place, reply) in self.callers.iter_mut().zip(replies.into_iter().flatten()) {
            if let Some(one) = place.take() {
                one.finish(reply);
            }
        }
        Ok(())
    }

    /// Waits for the replies, and meanwhile for the deadline of each caller. It ends without them if no caller is left.
    async fn watch(
        &mut self,
        rest: &Rest,
        request: impl Future<Output = Result<Replies, Error>>,
    ) -> Result<Option<Replies>, Error> {
        let mut request = pin!(request);
        // One timer for all of them. It also looks for callers that are gone, which a dead connection leaves behind.
        let patience = rest.path().slow_after().max(Duration::from_millis(100));
        loop {
            let next = self.open().map(|one| one.deadline).reduce(Deadline::earliest).map(Deadline::remaining);
            match timeout(next.unwrap_or(patience).min(patience), request.as_mut()).await {
                Ok(replies) => return replies.map(Some),
                Err(_) => self.drop_late(),
            }
            if self.open().next().is_none() {
                return Ok(None);
            }
        }
    }

    fn open(&self) -> impl Iterator<Item = &Waiting> + Clone {
        self.callers.iter().flatten()
    }

    fn drop_late(&mut self) {
        for place in &mut self.callers {
            if let Some(one) = place.take_if(|one| one.answer.is_closed() || one.deadline.remaining().is_zero()) {
                let error = one.deadline.passed();
                one.finish(Err(error));
            }
        }
    }

    fn fail(&mut self, error: &Error, which: impl Fn(&Waiting) -> bool) {
        for place in &mut self.callers {
            if let Some(one) = place.take_if(|one| which(one)) {
                one.finish(Err(error.clone()));
            }
        }
    }
}

impl Drop for Batch {
    /// Gives back commands that the runtime ended before it sent them. A caller whose command was sent learns from its
    /// closed channel that the answer is lost.
    fn drop(&mut self) {
        if !self.sent {
            self.callers.drain(..).flatten().for_each(Waiting::give_back);
        }
    }
}
