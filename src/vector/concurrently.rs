//! Several calls at the same time, in one task.

use crate::Error;
use futures_core::future::BoxFuture;
use std::{collections::VecDeque, future::poll_fn, task::Poll};

/// Runs so many futures at the same time, and gives what they end with, each with its place. When `ends` holds for an output,
/// no other future is begun. Dropping it drops those that run.
pub(super) async fn concurrently<T>(
    most: usize,
    futures: impl IntoIterator<Item = BoxFuture<'static, T>>,
    ends: impl Fn(&T) -> bool,
) -> Vec<(usize, T)> {
    let mut waiting: VecDeque<(usize, BoxFuture<'static, T>)> = futures.into_iter().enumerate().collect();
    let mut running: Vec<(usize, BoxFuture<'static, T>)> = Vec::new();
    let mut ended: Vec<(usize, T)> = Vec::with_capacity(waiting.len());
    poll_fn(|cx| {
        loop {
            while running.len() < most.max(1) {
                let Some(next) = waiting.pop_front() else { break };
                running.push(next);
            }
            let before = ended.len();
            running.retain_mut(|(at, future)| match future.as_mut().poll(cx) {
                Poll::Ready(output) => {
                    if ends(&output) {
                        waiting.clear();
                    }
                    ended.push((*at, output));
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && waiting.is_empty() {
                return Poll::Ready(());
            }
            // Those that were let in now have not been polled yet.
            if ended.len() == before || waiting.is_empty() {
                return Poll::Pending;
            }
        }
    })
    .await;
    ended.sort_unstable_by_key(|(at, _)| *at);
    ended
}

/// The same for calls of which one that fails fails all.
pub(super) async fn all_of<T>(
    most: usize,
    calls: impl IntoIterator<Item = BoxFuture<'static, Result<T, Error>>>,
) -> Result<Vec<T>, Error> {
    let ended = concurrently(most, calls, Result::is_err).await;
    ended.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::{BoxFuture, concurrently};
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn as_many_run_as_may_and_outputs_keep_their_order() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = (0..20_u64).map(|at| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let future: BoxFuture<'static, u64> = Box::pin(async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                if at % 3 != 0 {
                    tokio::time::sleep(Duration::from_millis(100 - at * 5)).await;
                }
                running.fetch_sub(1, Ordering::Relaxed);
                at
            });
            future
        });
        let outputs = concurrently(4, work, |_| false).await;
        assert_eq!(outputs.into_iter().map(|(_, output)| output).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::Relaxed), 4);
        assert_eq!(concurrently(4, Vec::<BoxFuture<'static, ()>>::new(), |()| false).await, []);
        // After the one that ends it no other is begun.
        let begun = Arc::new(AtomicUsize::new(0));
        let work = (0..20_u64).map(|at| {
            let begun = Arc::clone(&begun);
            let future: BoxFuture<'static, u64> = Box::pin(async move {
                begun.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(at)).await;
                at
            });
            future
        });
        let outputs = concurrently(2, work, |at| *at == 5).await;
        assert_eq!((outputs.last().unwrap().1, begun.load(Ordering::Relaxed)), (6, 7));
    }
}
