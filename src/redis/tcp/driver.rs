use super::{
    frames::Frames,
    queue::{Call, Outcome, Queue},
};
use crate::{
    Error, ErrorKind,
    rt::{Deadline, Stopwatch, sleep},
};
use futures_core::future::BoxFuture;
use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// So much is taken from the queue at once, so that replies are read in between.
const CHUNK: usize = 1 << 20;
/// While commands wait for their replies, a connection on which nothing comes for so long is suspect, even if the
/// callers give up before.
const SILENCE: Duration = Duration::from_secs(5);

/// Writes the commands of a connection and hands on the replies.
pub(super) struct Driver {
    frames: Frames,
    queue: Arc<Queue>,
    /// Commands that are taken from the queue, of which the first `written` bytes are written.
    out: Vec<u8>,
    written: usize,
    /// The callers of all commands that were taken and are not answered, in their order.
    calls: VecDeque<Call>,
    /// Bytes of `calls` that were not written yet.
    unwritten: usize,
    flushed: bool,
    last_read: Stopwatch,
    /// No open call has an earlier deadline.
    earliest: Option<Deadline>,
    /// When the callers are looked at next.
    timer: Option<(Deadline, BoxFuture<'static, ()>)>,
}

impl Driver {
    pub(super) fn new(frames: Frames, queue: Arc<Queue>) -> Self {
        Self {
            frames,
            queue,
            out: Vec::new(),
            written: 0,
            calls: VecDeque::new(),
            unwritten: 0,
            flushed: true,
            last_read: Stopwatch::start(),
            earliest: None,
            timer: None,
        }
    }

    /// Runs until the connection is lost, or no caller is left.
    pub(super) async fn run(mut self) {
        {
            let mut state = self.queue.lock();
            state.connected = true;
            state.forget_callers_that_left();
        }
        let end = poll_fn(|cx| self.poll(cx)).await;
        self.close(end.err());
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let idle = self.take_queued(cx);
            let wrote = self.poll_write(cx)?;
            let read = self.poll_read(cx)?;
            self.look_at_callers(cx);
            if idle {
                return Poll::Ready(Ok(()));
            }
            if !wrote && !read {
                return Poll::Pending;
            }
        }
    }

    /// Takes what callers have added; `true` if no caller is left.
    fn take_queued(&mut self, cx: &mut Context<'_>) -> bool {
        let mut state = self.queue.lock();
        if self.out.is_empty() && !state.bytes.is_empty() {
            std::mem::swap(&mut self.out, &mut state.bytes);
            self.unwritten += self.out.len();
            self.calls.append(&mut state.calls);
            let earliest = [self.earliest, state.earliest.take()].into_iter().flatten();
            self.earliest = earliest.reduce(Deadline::earliest);
        }
        // Woken while it cannot write as well: a new command may have an earlier deadline than those that wait.
        state.driver = Some(cx.waker().clone());
        state.abandoned && state.calls.iter().chain(&self.calls).all(Call::is_over)
    }

    /// Whether something was written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut progress = false;
        while self.written < self.out.len() {
            let end = self.out.len().min(self.written + CHUNK);
            match self.frames.poll_write(cx, &self.out[self.written..end])? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => {
                    self.written += count;
                    self.unwritten -= count;
                    (progress, self.flushed) = (true, false);
                }
                Poll::Pending => return Ok(progress),
            }
        }
        if !self.flushed && self.frames.poll_flush(cx)?.is_ready() {
            self.flushed = true;
        }
        if self.written > 0 {
            self.written = 0;
            self.out.clear();
            // One large command does not keep its memory.
            self.out.shrink_to(CHUNK);
        }
        Ok(progress)
    }

    /// Whether something was read.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut progress = false;
        while let Poll::Ready(count) = self.frames.poll_read(cx)? {
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if !std::mem::replace(&mut progress, true) {
                self.last_read = Stopwatch::start();
                let mut state = self.queue.lock();
                (state.alive, state.suspect) = (true, false);
            }
            while let Some(reply) = self.frames.take()? {
                let Some(call) = self.calls.front_mut() else {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply without a command"));
                };
                call.replies.push(reply);
                call.missing -= 1;
                if call.missing == 0
                    && let Some(call) = self.calls.pop_front()
                    && let Some(answer) = call.answer
                {
                    let _ = answer.send(Outcome::Replies(call.replies));
                }
            }
        }
        Ok(progress)
    }

    /// Answers the callers whose deadline has passed, with one timer for all of them.
    fn look_at_callers(&mut self, cx: &mut Context<'_>) {
        loop {
            let earliest = {
                let state = self.queue.lock();
                if self.calls.is_empty() && state.calls.is_empty() {
                    return;
                }
                [self.earliest, state.earliest].into_iter().flatten().reduce(Deadline::earliest)
            };
            let now = earliest.map_or(SILENCE, Deadline::remaining).min(SILENCE);
            // A timer that ends too early is looked at once more, rather than set anew for each command.
            let timer = match &mut self.timer {
                Some((at, timer)) if at.remaining() <= now => timer,
                timer => &mut timer.insert((Deadline::after(now), Box::pin(sleep(now)))).1,
            };
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.timer = None;
            self.answer_late();
        }
    }

    fn answer_late(&mut self) {
        let mut late = Vec::new();
        {
            let mut state = self.queue.lock();
            let state = &mut *state;
            let silent = |call: &Call| self.last_read.elapsed() >= call.queued.elapsed();
            let mut suspect =
                self.calls.front().is_some_and(|call| self.last_read.elapsed().min(call.queued.elapsed()) >= SILENCE);
            for call in self.calls.iter_mut().chain(&mut state.calls) {
                if call.answer.is_some() && call.deadline.remaining().is_zero() {
                    // If something came since, the server is slow, but it is there.
                    suspect |= !state.alive || silent(call);
                    late.extend(call.answer.take().map(|answer| (answer, call.deadline)));
                }
            }
            state.suspect |= suspect;
            let open = |call: &&Call| call.answer.is_some();
            self.earliest = self.calls.iter().filter(open).map(|call| call.deadline).reduce(Deadline::earliest);
            state.earliest = state.calls.iter().filter(open).map(|call| call.deadline).reduce(Deadline::earliest);
        }
        for (answer, deadline) in late {
            let _ = answer.send(Outcome::Lost(deadline.passed()));
        }
    }

    /// Tells the callers what became of their commands.
    fn close(&mut self, error: Option<io::Error>) {
        let error = Error::new(ErrorKind::Interrupted, "the connection broke before the answer was read")
            .with_source(error.unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into()));
        let mut unwritten = std::mem::take(&mut self.unwritten);
        // From the last one back: those whose every byte was still to be written were not sent.
        let mut outcomes = Vec::new();
        for call in std::mem::take(&mut self.calls).into_iter().rev() {
            let sent = unwritten < call.length;
            unwritten = unwritten.saturating_sub(call.length);
            outcomes.push((call, sent));
        }
        for (call, sent) in outcomes.into_iter().rev() {
            if let Some(answer) = call.answer {
                let _ = answer.send(if sent { Outcome::Lost(error.clone()) } else { Outcome::NotSent(None) });
            }
        }
        self.queue.close(None);
    }
}

impl Drop for Driver {
    /// The runtime ended: commands that were not written can be sent by another connection.
    fn drop(&mut self) {
        self.close(None);
    }
}
