//! The REST API: <https://upstash.com/docs/qstash/api>.

mod answer;
mod batch;
mod dead_letters;
mod destination;
mod filters;
mod flow_control;
mod groups;
mod logs;
mod messages;
mod publish;
mod query;
mod queues;
mod request;
mod route;
mod schedules;
mod workflows;

pub(crate) use self::{
    answer::Answer,
    request::{ApiRequest, token},
    route::answer,
    workflows::{HookCall, hook},
};
