//! What waits until an endpoint has answered.

use serde_json::json;

use super::revive_tests::{Bench, result};
use crate::local::qstash::{account::Attempt, deliver::Outcome};

fn end(bench: &mut Bench, entry: usize, status: u16) {
    let is_it = |attempt: &Attempt| attempt.message.place().is_some_and(|place| place.entry == entry);
    let at = bench.running.iter().position(is_it).expect("the attempt runs");
    let attempt = bench.running.remove(at);
    let mut outcome = Outcome { status, ..Outcome::default() };
    outcome.headers.insert("upstash-workflow-sdk-version", "1".parse().unwrap());
    bench.account.ended(bench.now_ms, attempt.job, outcome);
}

#[test]
fn a_retry_of_what_waited_keeps_its_time() {
    let mut bench = Bench::new();
    bench.retries = 3;
    bench.submit(true, false, &json!(1));
    // It waits for the answer to the first delivery, and goes on by itself when that takes too long.
    bench.submit(false, false, &result(1, 1));
    assert_eq!(bench.running.len(), 2);

    end(&mut bench, 1, 500);
    end(&mut bench, 0, 200);
    assert_eq!(bench.account.begin_due(bench.now_ms).len(), 0, "the answer to the first delivery is not its time");
    let due_ms = bench.account.next_due().expect("there is a retry");
    assert!(due_ms > bench.now_ms);
    assert_eq!(bench.account.begin_due(due_ms).len(), 1);
}
