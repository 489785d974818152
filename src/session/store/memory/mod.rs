//! Sessions in the memory of the process.

mod commit;
mod principal;
mod slot;
mod store;

pub use store::MemorySessionStore;
