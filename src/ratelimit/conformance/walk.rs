use super::{
    Subject,
    model::{Memory, Model},
    start,
};
use crate::ratelimit::{Algorithm, FixedWindow, Gcra, Rate, SlidingWindow, TokenBucket};
use std::time::Duration;

const STEPS: u32 = 120;

/// A fixed sequence of numbers for each seed: a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

pub(super) async fn walk(subject: &Subject<'_>, seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (limit, rate) = (random.below(12) + 1, random.below(5) + 1);
    let window = 1 << (9 + random.below(5));
    let (limit32, rate32) = (u32::try_from(limit).unwrap_or(1), u32::try_from(rate).unwrap_or(1));
    let signed = i64::try_from(limit).unwrap_or(1);
    let span = Duration::from_millis(window);
    let pairs: [(Algorithm, Model); 4] = [
        (FixedWindow::new(limit32, span).into(), Model::Fixed { limit: signed, window }),
        (SlidingWindow::new(limit32, span).into(), Model::Sliding { limit: signed, window }),
        (
            TokenBucket::new(limit32, Rate::new(rate32, span)).into(),
            Model::Bucket { most: signed, rate: i64::from(rate32), interval: window },
        ),
        (Gcra::new(Rate::new(1, span), limit32).into(), Model::Leaky { burst: signed, step: window }),
    ];
    for (index, (algorithm, model)) in pairs.into_iter().enumerate() {
        let (mut now, mut memory) = (start(), Memory::default());
        memory_from(&mut memory, &model, now);
        let identifier = format!("walk:{seed}:{index}");
        for step in 0..STEPS {
            now += match random.below(6) {
                0 => 0,
                1..=4 => random.below(window / 3),
                _ => random.below(window * 3),
            };
            let cost = match random.below(8) {
                0 => 0,
                1 => -i64::try_from(random.below(3)).unwrap_or(0),
                _ => i64::try_from(random.below(limit) + 1).unwrap_or(1).min(4),
            };
            let outcome = subject.check(&algorithm, &identifier, now, cost).await;
            let (passes, left) = model.step(&mut memory, now, cost);
            let context = || format!("seed {seed}, step {step}: {algorithm:?} at {now}, cost {cost}: {outcome:?}");
            assert_eq!(
                (outcome.allowed, i64::try_from(outcome.remaining).unwrap_or(-1)),
                (passes, left),
                "{}",
                context()
            );
            if !passes && cost <= signed {
                assert_eq!(outcome.retry_after_ms, Some(model.wait(&memory, now, cost)), "{}", context());
            }
        }
    }
}

/// The model that leaks begins at the walk's time.
fn memory_from(memory: &mut Memory, model: &Model, now: u64) {
    if let Model::Leaky { .. } = model {
        model.step(memory, now, 0);
    }
}
