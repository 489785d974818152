use super::{
    Answer,
    alone::Alone,
    batch::Batch,
    dispatcher::Dispatcher,
    lane::{Departure, Lane, Queued, start},
};
use crate::{
    Error,
    client::Repeat,
    redis::Reply,
    rt::{Deadline, turn},
};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How far a command came.
pub(super) enum Sent {
    Answered(Result<Reply, Error>),
    /// It is in a request, or waits for one.
    Waiting(oneshot::Receiver<Answer>),
}

/// Sends a command through a lane.
pub(super) async fn send(lane: Arc<Lane>, command: Bytes, repeat: Repeat, deadline: Deadline) -> Sent {
    let (answer, reply) = oneshot::channel();
    let (number, queued) = lane.queue(command, repeat, deadline, answer);
    let mut dispatch = matches!(queued, Queued::Dispatch);
    if let Queued::Turn = queued {
        // The other commands of this turn of the runtime go along.
        turn().await;
        let (departure, leaves_some) = lane.depart(number);
        dispatch = leaves_some;
        match departure {
            Departure::None => {}
            Departure::Alone(one, flight) => return Sent::Answered(Alone::new(one, flight, &lane.rest).await),
            Departure::Together(batch, flight) => {
                if let Some(here) = start(Batch::new(batch, flight).send()) {
                    here.await;
                }
            }
        }
    }
    if dispatch && let Some(here) = start(Dispatcher::new(lane).work()) {
        here.await;
    }
    Sent::Waiting(reply)
}
