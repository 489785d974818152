use std::{convert::Infallible, fmt, net::SocketAddr, time::Duration};

use axum_core::{body::Body, response::IntoResponse};
use http::Request;
use tower_service::Service;

use super::{
    deliver::{DestinationService, Targets},
    faults::LocalQStashFaults,
    limits::QStashLimits,
};
use crate::local::LocalError;

/// Sets up a [`LocalQStash`](crate::local::LocalQStash).
///
/// The default listens on a free port of the loopback interface, delivers to this machine alone, and has the limits of the
/// pay-as-you-go plan.
///
/// ```
/// use axum::{Router, routing::post};
/// use axum_upstash::local::LocalQStash;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = Router::new().route("/webhooks/receipt", post(|| async { "received" }));
/// let qstash = LocalQStash::builder().destination("https://app.example.com", app).time_scale(60.0).start().await?;
/// # drop(qstash);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct LocalQStashBuilder {
    pub(super) address: SocketAddr,
    pub(super) time_scale: f64,
    pub(super) targets: Targets,
    pub(super) limits: QStashLimits,
    pub(super) faults: LocalQStashFaults,
    pub(super) read_timeout: Duration,
    /// The first setting that cannot be used.
    pub(super) problem: Option<LocalError>,
}

impl LocalQStashBuilder {
    pub(super) fn new() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            time_scale: 1.0,
            targets: Targets::default(),
            limits: QStashLimits::default(),
            faults: LocalQStashFaults::seeded(0),
            read_timeout: Duration::from_secs(60),
            problem: None,
        }
    }

    /// Listens on this address (`127.0.0.1:0`, which takes any free port).
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Lets time go so many times as fast (1), for delays, schedules, retries and timeouts. The lifetime of signatures is
    /// that of the system's clock.
    pub fn time_scale(mut self, scale: f64) -> Self {
        if scale.is_finite() && scale > 0.0 {
            self.time_scale = scale;
        } else {
            self.refuse("the time scale is a number above 0");
        }
        self
    }

    /// Delivers what is for `from` to `to`, such as `https://app.example.com` to `http://127.0.0.1:3000`. Signatures and
    /// answers keep the destination as it was published.
    pub fn rewrite(mut self, from: &str, to: &str) -> Self {
        if self.targets.rewrite(from, to).is_err() {
            self.refuse("a rewrite is from an origin to another one, such as https://app.example.com");
        }
        self
    }

    /// Delivers what is for `origin` to a service in this process, such as a router, without a socket.
    pub fn destination<S>(mut self, origin: &str, service: S) -> Self
    where
        S: Service<Request<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Response: IntoResponse,
        S::Future: Send,
    {
        if self.targets.serve(origin, DestinationService::new(service)).is_err() {
            self.refuse("a destination is an origin, such as https://app.example.com");
        }
        self
    }

    /// Delivers to other machines as well.
    ///
    /// The tokens of this server are public knowledge: with this, any program that reaches it can send requests through it.
    pub fn allow_network(mut self) -> Self {
        self.targets.allow_network();
        self
    }

    /// Refuses larger messages (10 MiB).
    pub fn max_message_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_message_bytes = bytes;
        self
    }

    /// Refuses messages with more retries (999).
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.limits.max_retries = retries;
        self
    }

    /// Refuses messages that wait longer for their first attempt (a year).
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.limits.max_delay = delay;
        self
    }

    /// Ends attempts that take longer (2 h).
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.limits.max_timeout = timeout;
        self
    }

    /// Lets so many attempts of an account run at the same time (512). Hosts share them, so that one whose attempts hang
    /// leaves room for the others.
    pub fn max_parallelism(mut self, attempts: usize) -> Self {
        self.limits.max_running = attempts;
        self
    }

    /// Refuses messages after so many on a day, as the service does when the limit of a plan is reached. The default is
    /// none.
    pub fn daily_messages(mut self, messages: u64) -> Self {
        self.limits.daily_messages = Some(messages);
        self
    }

    /// Refuses more schedules (1,000).
    pub fn max_schedules(mut self, schedules: usize) -> Self {
        self.limits.max_schedules = schedules;
        self
    }

    /// Refuses more queues (100).
    pub fn max_queues(mut self, queues: usize) -> Self {
        self.limits.max_queues = queues;
        self
    }

    /// Refuses more URL groups (100), and more endpoints of one (100).
    pub fn max_url_groups(mut self, groups: usize, endpoints: usize) -> Self {
        (self.limits.max_url_groups, self.limits.max_endpoints) = (groups, endpoints);
        self
    }

    /// Keeps the log for so long (14 days), and so many bytes of it at the most (256 MiB), of which the oldest rows go.
    pub fn log_retention(mut self, time: Duration, bytes: usize) -> Self {
        (self.limits.log_retention, self.limits.max_log_bytes) = (time, bytes);
        self
    }

    /// Keeps dead letters for so long (7 days), and so many bytes of them at the most (256 MiB), of which the oldest ones
    /// go.
    pub fn dead_letter_retention(mut self, time: Duration, bytes: usize) -> Self {
        (self.limits.dead_letter_retention, self.limits.max_dead_letter_bytes) = (time, bytes);
        self
    }

    /// Refuses messages by HTTP 429 if those that have not ended take more bytes (1 GiB).
    pub fn max_pending_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_pending_bytes = bytes;
        self
    }

    /// Makes [faults](LocalQStashFaults), to see what an application bears.
    pub fn faults(mut self, faults: LocalQStashFaults) -> Self {
        if faults.are_probabilities() {
            self.faults = faults;
        } else {
            self.refuse("a probability is a number from 0 to 1");
        }
        self
    }

    fn refuse(&mut self, reason: &'static str) {
        self.problem.get_or_insert(LocalError::InvalidSetting { reason });
    }
}

impl fmt::Debug for LocalQStashBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalQStashBuilder")
            .field("address", &self.address)
            .field("time_scale", &self.time_scale)
            .field("targets", &self.targets)
            .field("limits", &self.limits)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
