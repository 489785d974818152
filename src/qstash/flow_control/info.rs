use crate::qstash::wire::{FromWire, Object, Unreadable};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// The state of the key of a flow control.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// let state = qstash.flow_control().get("mail-provider").await?;
/// println!("{} of {} at once, {} wait", state.parallelism_count, state.parallelism_max, state.wait_list_size);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowControlInfo {
    /// The key.
    pub key: String,
    /// The messages that wait for room.
    pub wait_list_size: u64,
    /// The deliveries at once; 0 if they are not limited.
    pub parallelism_max: u64,
    /// The deliveries that are under way.
    pub parallelism_count: u64,
    /// The deliveries in each period; 0 if they are not limited.
    pub rate_max: u64,
    /// The deliveries in the present period.
    pub rate_count: u64,
    /// The period, in whole seconds; zero if deliveries in a period are not limited.
    pub rate_period: Duration,
    /// The time at which the present period began.
    pub rate_period_start: Option<SystemTime>,
    /// Whether deliveries are held back.
    pub is_paused: bool,
    /// Whether the deliveries at once are pinned.
    pub is_pinned_parallelism: bool,
    /// Whether the deliveries in a period are pinned.
    pub is_pinned_rate: bool,
}

impl FromWire for FlowControlInfo {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let number = |name| object.number(name).unwrap_or(0);
        Ok(Self {
            key: object.required_text("flowControlKey")?,
            wait_list_size: number("waitListSize"),
            parallelism_max: number("parallelismMax"),
            parallelism_count: number("parallelismCount"),
            rate_max: number("rateMax"),
            rate_count: number("rateCount"),
            rate_period: object.seconds("ratePeriod").unwrap_or_default(),
            rate_period_start: object.time_in_seconds("ratePeriodStart"),
            is_paused: object.flag("isPaused"),
            is_pinned_parallelism: object.flag("isPinnedParallelism"),
            is_pinned_rate: object.flag("isPinnedRate"),
        })
    }
}

/// The deliveries of all messages at once.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// let all = qstash.flow_control().global_parallelism().await?;
/// println!("{} of {}", all.count, all.max);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlobalParallelism {
    /// The deliveries at once that the plan allows.
    pub max: u64,
    /// The deliveries that are under way.
    pub count: u64,
}

impl FromWire for GlobalParallelism {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        let number = |name| object.number(name).unwrap_or(0);
        Ok(Self { max: number("parallelismMax"), count: number("parallelismCount") })
    }
}
