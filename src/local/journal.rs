use std::fmt;

/// Keeps what happens to a service beyond the life of the process.
pub(crate) trait Journal<R>: fmt::Debug + Send {
    /// What happened before, each with its time in milliseconds since the epoch. Called once, before anything else.
    fn load(&mut self) -> Vec<(u64, R)>;

    /// Adds what happens now.
    fn append(&mut self, now_ms: u64, record: &R);
}

/// Keeps nothing.
#[derive(Debug)]
pub(crate) struct Nothing;

impl<R> Journal<R> for Nothing {
    fn load(&mut self) -> Vec<(u64, R)> {
        Vec::new()
    }

    fn append(&mut self, _: u64, _: &R) {}
}

/// Keeps what happens in memory, beyond the life of a service.
#[cfg(test)]
#[derive(Debug, Clone)]
pub(crate) struct Kept<R>(std::sync::Arc<std::sync::Mutex<Vec<(u64, R)>>>);

#[cfg(test)]
impl<R: Clone> Kept<R> {
    pub(crate) fn new() -> Self {
        Self::of(Vec::new())
    }

    pub(crate) fn all(&self) -> Vec<(u64, R)> {
        self.0.lock().unwrap().clone()
    }

    /// A copy, to which nothing is added from here.
    pub(crate) fn copy(&self) -> Self {
        Self::of(self.all())
    }

    fn of(records: Vec<(u64, R)>) -> Self {
        Self(std::sync::Arc::new(std::sync::Mutex::new(records)))
    }
}

#[cfg(test)]
impl<R: Clone + fmt::Debug + Send> Journal<R> for Kept<R> {
    fn load(&mut self) -> Vec<(u64, R)> {
        self.all()
    }

    fn append(&mut self, now_ms: u64, record: &R) {
        self.0.lock().unwrap().push((now_ms, record.clone()));
    }
}
