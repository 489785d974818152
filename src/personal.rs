use http::Extensions;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A mark that a response is meant for one client alone, and must not be stored for others.
///
/// It travels in the extensions of the request and of the response. [`SessionLayer`](crate::session::SessionLayer)
/// marks a request that used its session; [`ResponseCacheLayer`](crate::response_cache::ResponseCacheLayer) stores no
/// response that bears the mark, whichever of the two is outside. A middleware of yours can mark a request as well:
///
/// ```
/// use axum_upstash::Personal;
///
/// let mut extensions = http::Extensions::new();
/// Personal::of(&mut extensions).mark();
/// assert!(Personal::is_marked(&extensions));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Personal(Arc<AtomicBool>);

impl Personal {
    /// The mark of these extensions, set in place where there was none.
    pub fn of(extensions: &mut Extensions) -> Self {
        extensions.get_or_insert_default::<Self>().clone()
    }

    /// Says that the response is for one client alone.
    pub fn mark(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether this mark was set.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Whether the extensions bear a mark that was set.
    #[must_use]
    pub fn is_marked(extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some_and(Self::get)
    }
}
