//! Work that goes on when the future that began it is dropped.

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

/// Lets the other tasks of this thread run first.
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

/// Runs `future` on the runtime that this is called from, or gives it back where there is none.
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
