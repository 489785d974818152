//! Filters of metadata, made of conditions on fields.

mod condition;
#[allow(clippy::module_inception, reason = "the file of the type that users name")]
mod filter;
mod value;

pub use self::{
    condition::{Field, field},
    filter::Filter,
    value::FilterValue,
};
