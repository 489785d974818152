//! Guards against handling a delivery twice: [`IdempotencyGuard`] by the id of its message, [`ReplayGuard`] by its
//! signature. Both keep one key for each in a [`store`]. They are asked after the signature was verified.

mod failure;
mod idempotency;
mod lease;
mod replay;
mod settings;
mod store;
mod unbroken;

pub use self::{
    failure::GuardFailure,
    idempotency::{Begin, IdempotencyGuard},
    lease::MessageLease,
    replay::ReplayGuard,
};
pub(super) use self::{replay::ReplayTicket, settings::Passed, unbroken::Unbroken};
