use super::{stored_response::StoredResponse, vary::VarySpec};
use crate::{in_progress::Since, single_flight};
use std::sync::Arc;

/// The leader's response, for followers to judge.
#[derive(Debug, Clone)]
pub(super) struct SharedResponse {
    pub(super) response: Arc<StoredResponse>,
    /// Whether the resource has changed since the handler began.
    pub(super) since: Since,
    /// The key under which it was stored, and the fields that chose its variant.
    pub(super) key: Arc<str>,
    pub(super) spec: Option<Arc<VarySpec>>,
}

/// How a flight ended, as a follower sees it.
#[derive(Debug, Clone)]
pub(super) enum FlightOutcome {
    Shared(SharedResponse),
    /// The response is not for others.
    Unshared,
    /// There is no response, or none that is up to date; another request must take over.
    Abandoned,
    /// There was none within the time that a request waits.
    Late,
}

/// Requests that ask for the same at the same time, and of which one goes to the handler.
pub(super) type Flights = single_flight::Flights<FlightOutcome>;

/// The request that goes to the handler.
pub(super) type Leader = single_flight::Leader<FlightOutcome>;
