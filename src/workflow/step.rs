use super::{
    board::{Place, Polled},
    error::{BoxError, Failure},
    record::{Record, json_or_text},
};
use pin_project_lite::pin_project;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// Reads the result of a step.
type Read<T> = fn(&Record) -> Result<T, &'static str>;

/// A step that QStash executes. It is asked for when it is polled for the first time, and together with all that are polled in
/// the same turn.
#[must_use = "a step is asked for when it is awaited"]
pub struct Step<T> {
    place: Place,
    read: Read<T>,
}

impl<T> Step<T> {
    pub(super) fn new(place: Place, read: Read<T>) -> Self {
        Self { place, read }
    }

    /// Refuses the step when it is asked for, if there is a problem. The first one counts.
    pub(super) fn refused(mut self, problem: Option<&'static str>) -> Self {
        self.place.refuse_first(problem);
        self
    }
}

impl<T> Future for Step<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if let Polled::Done(record) = self.place.poll(cx) {
            match (self.read)(&record) {
                Ok(value) => return Poll::Ready(value),
                Err(problem) => self.place.refuse(unreadable(&record, problem)),
            }
        }
        Poll::Pending
    }
}

impl<T> fmt::Debug for Step<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&self.place).finish()
    }
}

pin_project! {
    /// A step whose work the endpoint does. It is asked for as a [`Step`] is.
    #[must_use = "a step is asked for when it is awaited"]
    pub struct RunStep<W> {
        place: Place,
        #[pin]
        work: Option<W>,
    }
}

impl<W> RunStep<W> {
    pub(super) fn new(place: Place, work: W) -> Self {
        Self { place, work: Some(work) }
    }
}

impl<W, T, E> Future for RunStep<W>
where
    W: Future<Output = Result<T, E>>,
    T: Serialize + DeserializeOwned,
    E: Into<BoxError>,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut this = self.project();
        match this.place.poll(cx) {
            Polled::Pending => {}
            Polled::Done(record) => match read_json(&record) {
                Ok(value) => return Poll::Ready(value),
                Err(problem) => this.place.refuse(unreadable(&record, problem)),
            },
            Polled::Execute => {
                let ended = this.work.as_mut().as_pin_mut().map(|work| work.poll(cx));
                if let Some(Poll::Ready(outcome)) = ended {
                    // Its locks and connections are dropped before the result is submitted.
                    this.work.set(None);
                    this.place.executed(written(outcome));
                }
            }
        }
        Poll::Pending
    }
}

fn written<T: Serialize, E: Into<BoxError>>(outcome: Result<T, E>) -> Result<String, Failure> {
    match outcome {
        Ok(value) => serde_json::to_string(&value).map_err(|error| {
            Failure::of_endpoint(format!("the result cannot be written as JSON: {:?} error", error.classify()))
        }),
        Err(error) => Err(Failure::of_application(&*error.into(), None)),
    }
}

fn unreadable(record: &Record, problem: &str) -> Failure {
    Failure::of_endpoint(format!("the result of the step '{}' {problem}", record.step_name)).at_step(&record.step_name)
}

/// A result as JSON. Text that is no JSON is itself, and no text is `null`.
pub(super) fn read_json<T: DeserializeOwned>(record: &Record) -> Result<T, &'static str> {
    let out = record.out.as_deref().unwrap_or("null");
    json_or_text(out.as_bytes()).map_err(|_| "is of another type")
}

pub(super) fn read_nothing(_: &Record) -> Result<(), &'static str> {
    Ok(())
}

impl<W> fmt::Debug for RunStep<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RunStep").field(&self.place).finish()
    }
}
