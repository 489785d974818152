use super::seconds;
use crate::{Clock, Error, rt::from_unix_ms};
use http::{HeaderMap, StatusCode};
use std::{
    error::Error as StdError,
    fmt,
    time::{Duration, SystemTime},
};

/// The limit behind a refusal with status 429, and the time at which there is room again
/// ([Rate limits](https://upstash.com/docs/qstash/api/api-ratelimiting)).
///
/// It is the source of an error of the kind [`RateLimited`](crate::ErrorKind::RateLimited), or, if the messages of the
/// day are used up, [`QuotaExceeded`](crate::ErrorKind::QuotaExceeded). [`Error::retry_after`] is the time until its reset.
///
/// ```no_run
/// use axum_upstash::qstash::{LimitReached, LimitScope, Message, QStashClient};
///
/// # async fn run(qstash: QStashClient) {
/// if let Err(error) = qstash.publish(Message::to_url("https://app.example.com/hook")).await
///     && let Some(limit) = LimitReached::of(&error)
///     && limit.scope == LimitScope::Daily
/// {
///     eprintln!("no message until {:?}: all {:?} are used up", limit.requests.reset_at, limit.requests.limit);
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitReached {
    /// The limit that was reached.
    pub scope: LimitScope,
    /// Messages of the day, requests of the second, or requests to the model.
    pub requests: LimitWindow,
    /// Tokens of the model, if it is its limit.
    pub tokens: Option<LimitWindow>,
}

/// The kind of a [`LimitReached`].
///
/// ```
/// use axum_upstash::qstash::LimitScope;
///
/// fn is_worth_waiting_for(scope: LimitScope) -> bool {
///     scope == LimitScope::Burst // a second at the most
/// }
/// # assert!(is_worth_waiting_for(LimitScope::Burst));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitScope {
    /// The requests of one second (`Burst-RateLimit-*`). Publishing has no such limit.
    Burst,
    /// The messages of the plan's day (`RateLimit-*`).
    Daily,
    /// The requests or tokens of a language model (`x-ratelimit-*`).
    Chat,
}

/// The numbers of one limit, as far as the service gives them.
///
/// ```
/// use axum_upstash::qstash::LimitWindow;
///
/// let window = LimitWindow::default();
/// assert_eq!((window.limit, window.remaining, window.reset_at), (None, None, None));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitWindow {
    /// The size of the limit.
    pub limit: Option<u64>,
    /// The part that is not used up.
    pub remaining: Option<u64>,
    /// The time at which the limit is whole again.
    pub reset_at: Option<SystemTime>,
}

impl LimitReached {
    /// The limit that an error of a QStash call is about, if there is one.
    #[must_use]
    pub fn of(error: &Error) -> Option<&Self> {
        error.source()?.downcast_ref()
    }

    pub(super) fn of_response(status: StatusCode, headers: &HeaderMap, clock: &Clock) -> Option<Self> {
        if status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let window = |limit: &str, remaining: &str, reset: &str| LimitWindow {
            limit: number(headers, limit),
            remaining: number(headers, remaining),
            reset_at: number(headers, reset).map(|time| from_unix_ms(time.saturating_mul(1000))),
        };
        // The order of the official SDKs.
        if headers.contains_key("x-ratelimit-limit-requests") {
            let window = |of: &str| LimitWindow {
                limit: number(headers, &format!("x-ratelimit-limit-{of}")),
                remaining: number(headers, &format!("x-ratelimit-remaining-{of}")),
                reset_at: wait(headers, &format!("x-ratelimit-reset-{of}"))
                    .and_then(|wait| clock.now().checked_add(wait)),
            };
            return Some(Self {
                scope: LimitScope::Chat,
                requests: window("requests"),
                tokens: Some(window("tokens")),
            });
        }
        let (scope, requests) = if headers.contains_key("ratelimit-limit") {
            (LimitScope::Daily, window("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"))
        } else {
            let burst = window("burst-ratelimit-limit", "burst-ratelimit-remaining", "burst-ratelimit-reset");
            (LimitScope::Burst, burst)
        };
        Some(Self { scope, requests, tokens: None })
    }

    pub(super) fn is_daily(&self) -> bool {
        self.scope == LimitScope::Daily
    }

    /// The time until there is room again.
    pub(super) fn wait(&self, clock: &Clock) -> Option<Duration> {
        let windows = [Some(self.requests), self.tokens].into_iter().flatten();
        let used_up = windows.clone().filter(|window| window.remaining == Some(0)).filter_map(|window| window.reset_at);
        let reset = used_up.max().or_else(|| windows.filter_map(|window| window.reset_at).min())?;
        Some(reset.duration_since(clock.now()).unwrap_or_default())
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn wait(headers: &HeaderMap, name: &str) -> Option<Duration> {
    seconds::parse(headers.get(name)?.to_str().ok()?)
}

impl fmt::Display for LimitReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scope {
            LimitScope::Burst => "the limit of requests in one second is reached",
            LimitScope::Daily => "the messages of the day are used up",
            LimitScope::Chat => "the limit of the language model is reached",
        })
    }
}

impl StdError for LimitReached {}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(headers: &[(&'static str, &str)], now_s: u64) -> (LimitReached, Option<Duration>) {
        let clock = Clock::manual(from_unix_ms(now_s * 1000)).0;
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let reached = LimitReached::of_response(StatusCode::TOO_MANY_REQUESTS, &headers, &clock).unwrap();
        let wait = reached.wait(&clock);
        (reached, wait)
    }

    #[test]
    fn the_headers_say_which_limit_it_is() {
        let daily = [("ratelimit-limit", "1000"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "160")];
        let (limit, wait) = reached(&daily, 100);
        assert_eq!(limit.scope, LimitScope::Daily);
        assert_eq!((limit.requests.limit, limit.requests.remaining), (Some(1000), Some(0)));
        assert_eq!((limit.requests.reset_at, wait), (Some(from_unix_ms(160_000)), Some(Duration::from_secs(60))));

        let (limit, wait) = reached(&[("burst-ratelimit-limit", "100"), ("burst-ratelimit-reset", "101")], 100);
        assert_eq!(
            (limit.scope, limit.requests.limit, wait),
            (LimitScope::Burst, Some(100), Some(Duration::from_secs(1)))
        );

        let (limit, wait) = reached(&[], 100);
        assert_eq!((limit.scope, limit.requests, wait), (LimitScope::Burst, LimitWindow::default(), None));
    }

    #[test]
    fn a_model_is_waited_for_until_all_that_is_used_up_is_back() {
        let chat = |requests: &str, tokens: &str| {
            let headers = [
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-limit-tokens", "150000"),
                ("x-ratelimit-remaining-requests", requests),
                ("x-ratelimit-remaining-tokens", tokens),
                ("x-ratelimit-reset-requests", "1s"),
                ("x-ratelimit-reset-tokens", "6m5s"),
                ("ratelimit-limit", "1000"),
            ];
            let (limit, wait) = reached(&headers, 100);
            assert_eq!((limit.scope, limit.tokens.unwrap().limit), (LimitScope::Chat, Some(150_000)));
            wait.unwrap().as_secs()
        };
        assert_eq!([chat("0", "9"), chat("5", "0"), chat("0", "0"), chat("5", "9")], [1, 365, 365, 1]);
    }

    #[test]
    fn other_refusals_are_no_limit() {
        let headers = [("ratelimit-limit".parse().unwrap(), "1".parse().unwrap())].into_iter().collect();
        assert_eq!(LimitReached::of_response(StatusCode::BAD_REQUEST, &headers, &Clock::system()), None);
    }
}
