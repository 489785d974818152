use super::{Schedule, StoredSchedule};
use crate::{
    Error,
    qstash::{
        Destination, QStashClient, ScheduleId,
        call::{Call, Caller},
        wire::{Object, items},
    },
};
use http::Method;

/// Schedules: messages that are published again and again.
///
/// ```no_run
/// use axum_upstash::qstash::{Message, QStashClient, Schedule};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let schedules = qstash.schedules();
/// let cleanup = Message::to_url("https://app.example.com/cleanup").retries(1);
/// let id = schedules.create(Schedule::new("@hourly", cleanup).id("cleanup")).await?;
/// println!("next at {:?}", schedules.get(&id).await?.next_schedule_time);
/// schedules.pause(&id).await?;
/// # Ok(())
/// # }
/// ```
///
/// A time may be missed by up to a minute. Times that pass while a schedule is paused are skipped. Deleting or replacing a
/// schedule leaves the messages alone that it has published.
#[derive(Debug, Clone)]
#[must_use]
pub struct Schedules {
    caller: Caller,
}

impl QStashClient {
    /// Schedules.
    pub fn schedules(&self) -> Schedules {
        Schedules { caller: self.caller().clone() }
    }
}

impl Schedules {
    /// Creates a schedule, or replaces the one with its [id](Schedule::id), and returns the id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the schedule has a value that cannot be sent, such as
    /// a wrong cron expression; then nothing was sent. [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) if the
    /// plan has no more schedules.
    pub async fn create<D: Destination>(&self, schedule: Schedule<D>) -> Result<ScheduleId, Error> {
        const OPERATION: &str = "qstash schedule create";
        let outgoing = schedule.into_outgoing(&self.caller);
        let (outgoing, has_id) = outgoing.map_err(|error| error.with_operation(OPERATION))?;
        let call = Call::post(OPERATION, format!("/v2/schedules/{}", outgoing.destination));
        let call = call.headers(outgoing.headers).body(outgoing.body).repeatable_if(has_id);
        self.caller.send(call).await?.read(|value| Object::of(value)?.required_id("scheduleId"))
    }

    /// Reads a schedule.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn get(&self, id: impl TryInto<ScheduleId, Error: Into<Error>>) -> Result<StoredSchedule, Error> {
        const OPERATION: &str = "qstash schedule get";
        self.caller.fetch(Call::get(OPERATION, path(id, "", OPERATION)?)).await
    }

    /// Lists all schedules.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn list(&self) -> Result<Vec<StoredSchedule>, Error> {
        self.caller.send(Call::get("qstash schedules list", "/v2/schedules")).await?.read(items)
    }

    /// Deletes a schedule.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn delete(&self, id: impl TryInto<ScheduleId, Error: Into<Error>>) -> Result<(), Error> {
        const OPERATION: &str = "qstash schedule delete";
        self.caller.send(Call::delete(OPERATION, path(id, "", OPERATION)?)).await.map(drop)
    }

    /// Pauses a schedule.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn pause(&self, id: impl TryInto<ScheduleId, Error: Into<Error>>) -> Result<(), Error> {
        self.change("qstash schedule pause", id, "/pause").await
    }

    /// Goes on with a schedule that is paused.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn resume(&self, id: impl TryInto<ScheduleId, Error: Into<Error>>) -> Result<(), Error> {
        self.change("qstash schedule resume", id, "/resume").await
    }

    /// A PATCH as in the official SDKs. With POST it would be a schedule for a destination of that name.
    async fn change(
        &self,
        operation: &'static str,
        id: impl TryInto<ScheduleId, Error: Into<Error>>,
        end: &str,
    ) -> Result<(), Error> {
        let call = Call::new(operation, Method::PATCH, path(id, end, operation)?);
        self.caller.send(call.repeatable()).await.map(drop)
    }
}

fn path(id: impl TryInto<ScheduleId, Error: Into<Error>>, end: &str, operation: &'static str) -> Result<String, Error> {
    let id = id.try_into().map_err(|error| error.into().with_operation(operation))?;
    Ok(format!("/v2/schedules/{}{end}", id.segment()))
}
