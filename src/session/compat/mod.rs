//! [`tower_sessions`](https://docs.rs/tower-sessions) with Redis behind it.
//!
//! For applications that have sessions of tower-sessions, or that use axum-login, which builds on them: `TowerSessionStore`
//! is a store for both versions that are in use (features `tower-sessions-0_15` and `tower-sessions-0_14`; axum-login 0.18
//! needs the latter).
//!
//! Which one to choose:
//!
//! | | [`SessionLayer`](super::SessionLayer) | tower-sessions with this store |
//! |---|---|---|
//! | requests to Redis: untouched; read; new; read and write; login | 0; 1; 1; 2; 2 | 0; 1; 1; 2; 3 |
//! | two requests write different attributes | both are kept | the later one takes the earlier one's away |
//! | a request that was on its way when the session ended | brings nothing back | saves nothing, and is told as you say ([`OnMissing`]); a new id (`cycle_id`) brings it back |
//! | a 5xx after the id was changed | the session is as it was | the session is gone |
//! | idle time counts | use | writes |
//! | sessions of a user: list, end | yes | no |
//! | axum-login | no | yes |
//!
//! Values are JSON: `{"data": {…}, "expires": <Unix seconds>}` at `tower.sessions:<id>`, with a time to live.

mod record;
mod store;

pub use self::store::{OnMissing, TowerSessionStore};
