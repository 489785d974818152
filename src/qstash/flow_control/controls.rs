use super::{FlowControlInfo, FlowControlPin, GlobalParallelism, PinnedLimit};
use crate::{
    Error,
    qstash::{
        FlowControlKey, QStashClient,
        call::{Call, Caller},
        query::Query,
        wire::items,
    },
};

const PATH: &str = "/v2/flowControl";

/// The keys of flow controls: the state of their limits, and how to pause, pin and reset them.
///
/// A key exists from the first message that names it.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// let controls = qstash.flow_control();
/// controls.pause("mail-provider").await?;
/// println!("{} wait", controls.get("mail-provider").await?.wait_list_size);
/// controls.resume("mail-provider").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct FlowControls {
    caller: Caller,
}

impl QStashClient {
    /// The keys of flow controls.
    pub fn flow_control(&self) -> FlowControls {
        FlowControls { caller: self.caller().clone() }
    }
}

impl FlowControls {
    /// Reads the state of a key.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if no message has named it.
    pub async fn get(&self, key: impl TryInto<FlowControlKey, Error: Into<Error>>) -> Result<FlowControlInfo, Error> {
        const OPERATION: &str = "qstash flow control get";
        self.caller.fetch(Call::get(OPERATION, path(key, "", OPERATION)?)).await
    }

    /// Lists all keys.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn list(&self) -> Result<Vec<FlowControlInfo>, Error> {
        self.caller.send(Call::get("qstash flow control list", PATH)).await?.read(items)
    }

    /// Lists the keys that contain this text.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the text is empty.
    pub async fn search(&self, text: impl AsRef<str>) -> Result<Vec<FlowControlInfo>, Error> {
        const OPERATION: &str = "qstash flow control search";
        let mut query = Query::default();
        query.push_text("search", text.as_ref());
        query.checked().map_err(|error| error.with_operation(OPERATION))?;
        self.caller.send(Call::get(OPERATION, query.after(PATH))).await?.read(items)
    }

    /// Holds back deliveries. Messages are still accepted.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn pause(&self, key: impl TryInto<FlowControlKey, Error: Into<Error>>) -> Result<(), Error> {
        self.change("qstash flow control pause", key, "/pause", &Query::default()).await
    }

    /// Goes on with deliveries.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn resume(&self, key: impl TryInto<FlowControlKey, Error: Into<Error>>) -> Result<(), Error> {
        self.change("qstash flow control resume", key, "/resume", &Query::default()).await
    }

    /// Sets limits that messages do not change. A pinned rate begins with a new period.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn pin(
        &self,
        key: impl TryInto<FlowControlKey, Error: Into<Error>>,
        limits: FlowControlPin,
    ) -> Result<(), Error> {
        self.change("qstash flow control pin", key, "/pin", &limits.query()).await
    }

    /// Lets messages change limits again. They stay as they are until a message brings others.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn unpin(
        &self,
        key: impl TryInto<FlowControlKey, Error: Into<Error>>,
        limits: PinnedLimit,
    ) -> Result<(), Error> {
        self.change("qstash flow control unpin", key, "/unpin", &limits.query()).await
    }

    /// Begins a new period without any delivery in it.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn reset_rate(&self, key: impl TryInto<FlowControlKey, Error: Into<Error>>) -> Result<(), Error> {
        self.change("qstash flow control reset rate", key, "/resetRate", &Query::default()).await
    }

    /// Reads how many messages are delivered at once, over all keys and queues.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn global_parallelism(&self) -> Result<GlobalParallelism, Error> {
        self.caller.fetch(Call::get("qstash global parallelism", "/v2/globalParallelism")).await
    }

    async fn change(
        &self,
        operation: &'static str,
        key: impl TryInto<FlowControlKey, Error: Into<Error>>,
        end: &str,
        query: &Query,
    ) -> Result<(), Error> {
        let path = query.after(&path(key, end, operation)?);
        self.caller.send(Call::post(operation, path).repeatable()).await.map(drop)
    }
}

fn path(
    key: impl TryInto<FlowControlKey, Error: Into<Error>>,
    end: &str,
    operation: &'static str,
) -> Result<String, Error> {
    let key = key.try_into().map_err(|error| error.into().with_operation(operation))?;
    Ok(format!("{PATH}/{}{end}", key.segment()))
}
