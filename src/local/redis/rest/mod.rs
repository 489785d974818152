//! The REST protocol of Upstash Redis: <https://upstash.com/docs/redis/features/restapi>.

mod answer;
mod auth;
mod event;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod json;
mod monitor;
mod reply;
mod service;
mod stream;
mod target;

pub(crate) use self::{
    auth::Tokens,
    service::{Rest, RestConfig},
};
