//! The REST API: paths, the forms of requests, and the answers.

mod answer;

mod fields;
mod query;
mod records;
mod request;
mod route;

pub(super) use self::{
    answer::{Reply, results, view},
    fields::oversized_metadata,
    query::{Asked, Halves, Include},
    request::{Cost, Request, Selector},
    route::Route,
};
