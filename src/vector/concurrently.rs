//! Several calls at the same time, in one task.

use futures_core::future::BoxFuture;
use std::{collections::VecDeque, future::poll_fn, task::Poll};

/// Runs so many futures at the same time, and gives what they end with in their order. Dropping it drops those that run.
pub(super) async fn concurrently<T>(most: usize, futures: impl IntoIterator<Item = BoxFuture<'static, T>>) -> Vec<T> {
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
    ended.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use super::concurrently;
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
            let future: futures_core::future::BoxFuture<'static, u64> = Box::pin(async move {
                most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                if at % 3 != 0 {
                    tokio::time::sleep(Duration::from_millis(100 - at * 5)).await;
                }
                running.fetch_sub(1, Ordering::Relaxed);
                at
            });
            future
        });
        let outputs = concurrently(4, work).await;
        assert_eq!(outputs, (0..20).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::Relaxed), 4);
        assert_eq!(concurrently(4, Vec::<futures_core::future::BoxFuture<'static, ()>>::new()).await, []);
    }
}
