use super::Bucket;

/// What is known of one client under one algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) enum State {
    /// Of a fixed or a sliding window.
    Window(Window),
    /// Of a token bucket.
    Bucket(Bucket),
    /// Of GCRA: the theoretical arrival time in microseconds.
    Arrival(u64),
}

/// What was counted in a window and in the one before it. Refunds can lead below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ratelimit) struct Window {
    pub(in crate::ratelimit) index: u64,
    pub(in crate::ratelimit) previous: i64,
    pub(in crate::ratelimit) current: i64,
}

impl Window {
    /// The counts as seen from the window `index`. A clock that went back stays in the window it was in.
    pub(super) fn at(state: Option<State>, index: u64) -> Self {
        match state {
            Some(State::Window(window)) if window.index >= index => window,
            Some(State::Window(window)) if window.index.checked_add(1) == Some(index) => {
                Self { index, previous: window.current, current: 0 }
            }
            _ => Self { index, previous: 0, current: 0 },
        }
    }
}
