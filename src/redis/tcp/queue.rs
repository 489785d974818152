use crate::{
    Error,
    redis::Reply,
    rt::{Deadline, Stopwatch},
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};
use tokio::sync::oneshot;

/// The queue between callers and the driver of a connection.
#[derive(Default)]
pub(super) struct Queue(Mutex<State>);

#[derive(Default)]
pub(super) struct State {
    /// Commands that the driver has not taken yet, one behind the other.
    pub(super) bytes: Vec<u8>,
    pub(super) calls: VecDeque<Call>,
    /// No call of `calls` has an earlier deadline.
    pub(super) earliest: Option<Deadline>,
    pub(super) driver: Option<Waker>,
    pub(super) connected: bool,
    pub(super) closed: bool,
    /// No command should be added: it is not known whether the server is still there.
    pub(super) suspect: bool,
    /// A reply came once.
    pub(super) alive: bool,
    /// No handle is left: once every caller is answered, the driver ends.
    pub(super) abandoned: bool,
}

/// Commands of one caller.
pub(super) struct Call {
    /// How many bytes they are.
    pub(super) length: usize,
    pub(super) missing: usize,
    pub(super) replies: Vec<Reply>,
    pub(super) deadline: Deadline,
    pub(super) queued: Stopwatch,
    /// Taken when the deadline has passed: the replies still have to be read.
    pub(super) answer: Option<oneshot::Sender<Outcome>>,
}

impl State {
    /// Takes out the commands whose callers have given up before there was a connection.
    pub(super) fn forget_callers_that_left(&mut self) {
        if !self.calls.iter().any(Call::is_over) {
            return;
        }
        let (all, mut at) = (std::mem::take(&mut self.bytes), 0);
        let bytes = &mut self.bytes;
        self.calls.retain(|call| {
            let own = &all[at..at + call.length];
            at += call.length;
            let stays = !call.is_over();
            if stays {
                bytes.extend_from_slice(own);
            }
            stays
        });
    }
}

impl Call {
    /// Whether its caller is answered, or gone.
    pub(super) fn is_over(&self) -> bool {
        self.answer.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

/// The end of a call.
pub(super) enum Outcome {
    Replies(Vec<Reply>),
    /// Not a byte was written, for the reason that no connection could be made, if that is why.
    NotSent(Option<Error>),
    /// They may have been executed.
    Lost(Error),
}

impl Queue {
    /// Takes no more commands, and gives back those that are queued.
    pub(super) fn close(&self, error: Option<&Error>) {
        let queued = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.calls)
        };
        for call in queued {
            if let Some(answer) = call.answer {
                let _ = answer.send(Outcome::NotSent(error.cloned()));
            }
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
