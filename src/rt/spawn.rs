//! Work that goes on when the future that began it is dropped.

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

/// Lets the tasks that are ready now run first.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Waits for the end of a turn: every ready task has run, and the runtime has looked for what has arrived.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) async fn turn() {
    tokio::task::yield_now().await;
}

/// Waits for the end of a turn: every ready task has run.
#[cfg(target_arch = "wasm32")]
pub(crate) async fn turn() {
    yield_now().await;
}

/// The runtime that a task runs on: work that one runtime drives may stand still while another runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(not(target_arch = "wasm32"))]
pub(crate) struct RuntimeId(Option<tokio::runtime::Id>);

/// The host's event loop, of which there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(target_arch = "wasm32")]
pub(crate) struct RuntimeId;

impl RuntimeId {
    /// The runtime that this is called from.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn current() -> Self {
        Self(tokio::runtime::Handle::try_current().ok().map(|runtime| runtime.id()))
    }

    /// The runtime that this is called from.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn current() -> Self {
        Self
    }
}

/// Runs `future` on the runtime that this is called from, or gives it back if there is none.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn spawn<F>(future: F) -> Result<(), F>
where
    F: Future<Output = ()> + Send + 'static,
{
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(future);
            Ok(())
        }
        Err(_) => Err(future),
    }
}

/// Runs `future` on the host's event loop.
#[cfg(target_arch = "wasm32")]
#[allow(clippy::unnecessary_wraps, reason = "the other target may have no runtime")]
pub(crate) fn spawn<F>(future: F) -> Result<(), F>
where
    F: Future<Output = ()> + 'static,
{
    wasm_bindgen_futures::spawn_local(future);
    Ok(())
}
