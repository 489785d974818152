//! Several layers around one handler that share what the process knows, as clones of one layer do.

use super::{
    cache::{Cache, Local},
    key::Key,
};
use http::Extensions;
use std::sync::{Arc, Mutex, PoisonError};

/// What layers further out are having made for a request; in its extensions.
#[derive(Debug, Clone, Default)]
pub(super) struct OuterFills(Vec<Made>);

#[derive(Debug, Clone)]
struct Made {
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
pub(super) enum Outer {
    /// None of them shares anything with this one.
    None,
    /// One is having another resource made: that flight would not land while this request waited for one of its own.
    Other,
    /// One is having this resource made, and stores it.
    Same,
}

impl OuterFills {
    pub(super) fn look(cache: &Arc<Cache>, key: &Key, extensions: &Extensions) -> Outer {
        let Some(Self(all)) = extensions.get() else { return Outer::None };
        let mut outer = Outer::None;
        for made in all.iter().filter(|made| Arc::ptr_eq(&made.local, &cache.local)) {
            if *made.key == *key.as_str() {
                made.innermost.set(cache);
                return Outer::Same;
            }
            outer = Outer::Other;
        }
        outer
    }

    /// Tells the layers further in that this resource is being made.
    pub(super) fn begin(cache: &Cache, key: &Key, extensions: &mut Extensions) -> Innermost {
        let innermost = Innermost::default();
        let made = Made { local: Arc::clone(&cache.local), key: key.shared(), innermost: innermost.clone() };
        extensions.get_or_insert_default::<Self>().0.push(made);
        innermost
    }
}
