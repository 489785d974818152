use tokio::sync::watch;

/// Lets requests through until it is closed, and knows when none is left inside.
#[derive(Debug)]
pub(in crate::local) struct Gate {
    // Each request inside holds a receiver.
    closed: watch::Sender<bool>,
    // Signalled first: streams, which have no end of their own, end now.
    draining: watch::Sender<bool>,
}

/// Keeps the gate from being empty, and says when it is time to leave.
#[derive(Debug)]
pub(in crate::local) struct Guest {
    draining: watch::Receiver<bool>,
    _inside: watch::Receiver<bool>,
}

impl Guest {
    /// Waits until it is time to leave.
    pub(in crate::local) async fn leave(&mut self) {
        let _ = self.draining.wait_for(|draining| *draining).await;
    }
}

impl Gate {
    pub(in crate::local) fn new() -> Self {
        Self { closed: watch::Sender::new(false), draining: watch::Sender::new(false) }
    }

    /// Runs `inside`. It is dropped, or not even begun, once the gate is closed.
    pub(in crate::local) async fn pass<T>(&self, inside: impl Future<Output = T>) -> Option<T> {
        let mut closed = self.closed.subscribe();
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => None,
            output = inside => Some(output),
        }
    }

    /// Lets something in that has no end of its own.
    pub(in crate::local) fn guest(&self) -> Guest {
        Guest { draining: self.draining.subscribe(), _inside: self.closed.subscribe() }
    }

    /// Tells the guests to leave.
    pub(in crate::local) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(in crate::local) fn close(&self) {
        self.drain();
        self.closed.send_replace(true);
    }

    /// Waits until no request is inside.
    pub(in crate::local) async fn emptied(&self) {
        self.closed.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Arc};

    use super::Gate;

    #[tokio::test]
    async fn closing_ends_what_is_inside_and_lets_nothing_in() {
        let gate = Arc::new(Gate::new());
        assert_eq!(gate.pass(async { 1 }).await, Some(1));
        gate.emptied().await;
        let inside = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.pass(pending::<()>()).await }
        });
        tokio::task::yield_now().await;
        gate.close();
        gate.emptied().await;
        assert_eq!(inside.await.unwrap(), None);
        assert_eq!(gate.pass(async { unreachable!() }).await, None::<()>);
    }
}
