//! The log of a test.

use std::sync::{Arc, Mutex};

/// Collects it: a clone of it for `with_writer`.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

/// Until it is dropped, events of this thread go to the log.
pub(crate) struct Logging(#[allow(dead_code)] tracing::subscriber::DefaultGuard, #[allow(dead_code)] tracing::Dispatch);

impl Log {
    /// Begins to collect events of this thread.
    pub(crate) fn of(level: tracing::Level) -> (Self, Logging) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_ansi(false);
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        // While there is a single subscriber, an event that another test's thread comes to first is off for all threads.
        let second = tracing::Dispatch::new(tracing_subscriber::registry());
        (log, Logging(tracing::subscriber::set_default(subscriber), second))
    }

    /// All of it so far, which is forgotten.
    pub(crate) fn take(&self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut *self.0.lock().unwrap())).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
