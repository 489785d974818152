//! Looks at each dense vector of a namespace, in several threads if there are many.

use std::thread;

use super::dense_table::{Block, DenseTable};
use crate::local::vector::score::{DenseQuery, Ranked, Shortlist, best_first};

/// The numbers of a table beyond which a scan is worth a second thread.
const PARALLEL: usize = 4_000_000;

/// Whether a scan of so many vectors uses every core.
pub(crate) fn is_large(vectors: usize, dimension: usize) -> bool {
    vectors.saturating_mul(dimension) > PARALLEL
}

/// The best `count` of the vectors that are accepted. It asks only about those that may be among them.
pub(super) fn best(
    table: &DenseTable,
    query: &DenseQuery,
    count: usize,
    threads: usize,
    accept: &(impl Fn(u32) -> bool + Sync),
) -> Vec<Ranked> {
    let parts = in_parts(table, threads, |blocks| {
        let (mut shortlist, mut buffer) = (Shortlist::new(count), Vec::new());
        for (first, block) in blocks {
            let bounds = query.bounds(block.numbers(), block.lengths(), &mut buffer);
            for (slot, bounds) in (*first..).zip(bounds) {
                if shortlist.admits(bounds) && accept(slot) {
                    shortlist.push(bounds, slot);
                }
            }
        }
        shortlist
    });
    let mut shortlist = Shortlist::new(count);
    for part in parts {
        shortlist.merge(part);
    }
    let exact = shortlist.into_slots().into_iter().filter_map(|slot| {
        let (vector, length) = table.get(slot)?;
        Some(Ranked { score: query.score(vector, length), slot })
    });
    best_first(exact.collect(), count)
}

/// All of the vectors that are accepted, the best one first.
pub(super) fn all(
    table: &DenseTable,
    query: &DenseQuery,
    threads: usize,
    accept: &(impl Fn(u32) -> bool + Sync),
) -> Vec<Ranked> {
    let parts = in_parts(table, threads, |blocks| {
        let mut ranked = Vec::new();
        for (first, block) in blocks {
            for (slot, (vector, length)) in (*first..).zip(block.vectors(table.dimension())) {
                if accept(slot) {
                    ranked.push(Ranked { score: query.score(vector, length), slot });
                }
            }
        }
        ranked
    });
    best_first(parts.concat(), usize::MAX)
}

/// Runs it over the blocks: in this thread, or in so many if there are many numbers.
fn in_parts<T: Send>(table: &DenseTable, threads: usize, run: impl Fn(&[(u32, &Block)]) -> T + Sync) -> Vec<T> {
    let blocks: Vec<(u32, &Block)> = table.blocks().collect();
    let vectors = blocks.iter().map(|(_, block)| block.lengths().len()).sum::<usize>();
    let threads = if is_large(vectors, table.dimension()) { threads.min(blocks.len()) } else { 1 };
    if threads < 2 {
        return vec![run(&blocks)];
    }
    let mut parts = blocks.chunks(blocks.len().div_ceil(threads));
    let own = parts.next().unwrap_or_default();
    thread::scope(|scope| {
        let run = &run;
        let others: Vec<_> = parts.map(|part| scope.spawn(move || run(part))).collect();
        let mut results = vec![run(own)];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}
