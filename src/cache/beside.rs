//! Two futures in one task.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

/// Polls two futures until both have ended.
pub(super) async fn both(one: impl Future<Output = ()>, two: impl Future<Output = ()>) {
    let (mut one, mut two) = (pin!(one), pin!(two));
    let mut left = [true, true];
    poll_fn(|cx| {
        left[0] = left[0] && one.as_mut().poll(cx).is_pending();
        left[1] = left[1] && two.as_mut().poll(cx).is_pending();
        if left == [false, false] { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The output of the first future. The other one is polled beside it.
pub(super) async fn until_first<T>(first: impl Future<Output = T>, beside: impl Future<Output = ()>) -> T {
    let (mut first, mut beside) = (pin!(first), pin!(beside));
    let mut is_over = false;
    poll_fn(|cx| {
        if let Poll::Ready(output) = first.as_mut().poll(cx) {
            return Poll::Ready(output);
        }
        is_over = is_over || beside.as_mut().poll(cx).is_ready();
        Poll::Pending
    })
    .await
}
