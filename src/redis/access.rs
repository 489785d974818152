/// The effect of a command, which decides whether it may be sent again when its answer was lost.
///
/// ```
/// use axum_upstash::redis::{Access, Cmd, access};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(access(&Cmd::new("GET").key("k")), Access::Read); // repeated after a broken connection
/// assert_eq!(access(&Cmd::new("INCR").key("k")), Access::Write);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// It changes nothing that a second run would change again, so it may be sent twice.
    Read,
    /// It may change something, so it is sent again only if it provably never arrived.
    Write,
}

/// A command's name, of one word or two, and its effect.
#[derive(Debug, Clone, Copy)]
pub(in crate::redis) struct Entry {
    pub(in crate::redis) name: &'static str,
    pub(in crate::redis) access: Access,
}

impl Entry {
    pub(in crate::redis) const fn read(name: &'static str) -> Self {
        Self { name, access: Access::Read }
    }

    pub(in crate::redis) const fn write(name: &'static str) -> Self {
        Self { name, access: Access::Write }
    }
}
