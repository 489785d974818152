use super::{
    Waiting,
    batch::Batch,
    lane::{Lane, Next, start},
};
use crate::rt::timeout;
use std::sync::Arc;

/// Sends what waits, until nothing does.
pub(super) struct Dispatcher {
    lane: Arc<Lane>,
    finished: bool,
}

impl Dispatcher {
    pub(super) fn new(lane: Arc<Lane>) -> Self {
        Self { lane, finished: false }
    }

    pub(super) async fn work(mut self) {
        loop {
            match self.lane.next() {
                Next::Send(batch, flight) => {
                    if let Some(here) = start(Batch::new(batch, flight).send()) {
                        here.await;
                    }
                }
                Next::Wait(wait) => {
                    let _ = timeout(wait, self.lane.landed()).await;
                }
                Next::Stop => break,
            }
        }
        self.finished = true;
    }
}

impl Drop for Dispatcher {
    /// Gives the commands back if the runtime ends. Each caller then sends its own by the runtime that polls it.
    fn drop(&mut self) {
        if !self.finished {
            self.lane.take_all().into_iter().for_each(Waiting::give_back);
        }
    }
}
