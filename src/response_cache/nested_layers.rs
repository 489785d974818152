//! Several layers around one handler that share what the process knows, as clones of one layer do.

use super::{
    cache::{Cache, Local},
    key::Key,
};
use http::Extensions;
use std::sync::{Arc, Mutex, PoisonError};

/// The resources that layers further out are filling for a request, in its extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct OuterFills(Vec<OuterFill>);

#[derive(Debug, Clone)]
struct OuterFill {
    local: Arc<Local>,
    key: Arc<str>,
    innermost: Innermost,
}

/// The layer nearest to the handler, whose settings count. It is known once the handler was called.
#[derive(Debug, Clone, Default)]
pub(super) struct Innermost(Arc<Mutex<Option<Arc<Cache>>>>);

impl Innermost {
    pub(super) fn cache(&self) -> Option<Arc<Cache>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, cache: &Arc<Cache>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(cache));
    }
}

/// How a request stands to the layers further out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OuterLayer {
    /// None of them shares anything with this one.
    None,
    /// One is having another resource fill: that flight would not land while this request waited for one of its own.
    Other,
    /// One is having this resource fill, and stores it.
    Same,
}

impl OuterFills {
    pub(super) fn look(cache: &Arc<Cache>, key: &Key, extensions: &Extensions) -> OuterLayer {
        let Some(Self(all)) = extensions.get() else { return OuterLayer::None };
        let mut outer = OuterLayer::None;
        for fill in all.iter().filter(|fill| Arc::ptr_eq(&fill.local, &cache.local)) {
            if *fill.key == *key.as_str() {
                fill.innermost.set(cache);
                return OuterLayer::Same;
            }
            outer = OuterLayer::Other;
        }
        outer
    }

    /// Tells the layers further in that this resource is being fill.
    pub(super) fn begin(cache: &Cache, key: &Key, extensions: &mut Extensions) -> Innermost {
        let innermost = Innermost::default();
        let fill = OuterFill { local: Arc::clone(&cache.local), key: key.shared(), innermost: innermost.clone() };
        extensions.get_or_insert_default::<Self>().0.push(fill);
        innermost
    }
}
