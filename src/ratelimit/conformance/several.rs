use super::{Subject, scenarios::algorithms, start};
use crate::ratelimit::store::{Check, DynamicLimits};

/// Four limits at once, one of each algorithm, with room for 7, 5, 6 and 9.
pub(super) async fn all_or_none(subject: &Subject<'_>) {
    let now = start();
    let limits = [7, 5, 6, 9];
    let algorithms: Vec<_> = limits.into_iter().enumerate().map(|(index, limit)| algorithms(limit)[index]).collect();
    let names = ["several:a", "several:b", "several:c", "several:d"];
    let checks = |cost: i64| -> Vec<Check<'_>> {
        let pairs = algorithms.iter().zip(names);
        pairs.map(|(algorithm, name)| Check::new(algorithm, subject.prefix, name).with_cost(cost)).collect()
    };
    let left = |answer: &crate::ratelimit::store::CheckResponse| -> Vec<u64> {
        answer.outcomes.iter().map(|outcome| outcome.remaining).collect()
    };
    let answer = subject.take_all(&checks(3), now).await;
    assert!(answer.allowed());
    assert_eq!(left(&answer), [4, 2, 3, 6]);
    // The second one has room for two only: none counts anything, and each reports its remaining count.
    let answer = subject.take_all(&checks(3), now).await;
    assert!(!answer.allowed());
    assert_eq!(left(&answer), [4, 2, 3, 6]);
    let allowed: Vec<bool> = answer.outcomes.iter().map(|outcome| outcome.allowed).collect();
    assert_eq!(allowed, [true, false, true, true]);
    let answer = subject.take_all(&checks(2), now).await;
    assert_eq!((answer.allowed(), left(&answer)), (true, vec![2, 0, 1, 4]));
    // Counting together has the same effect as counting alone.
    for ((algorithm, name), left) in algorithms.iter().zip(names).zip([2, 0, 1, 4]) {
        assert_eq!(subject.check(algorithm, name, now, 0).await.remaining, left, "{algorithm:?}");
    }
}

pub(super) async fn dynamic_limits(subject: &Subject<'_>) {
    let now = start();
    // Limits of the prefix are those of all its keys: a prefix of its own.
    let prefix = format!("{}-dynamic", subject.prefix);
    let subject = Subject { store: subject.store, prefix: &prefix, background: subject.background.clone() };
    if subject.store.dynamic_limit(&prefix, None).await.is_err() {
        // A store need not have them.
        return;
    }
    let set = |identifier: Option<&'static str>, limit: Option<u32>| {
        let (store, prefix) = (subject.store, &prefix);
        async move {
            let outcome = store.set_dynamic_limit(prefix, identifier, limit).await;
            outcome.unwrap_or_else(|error| panic!("setting a dynamic limit failed: {error}"));
        }
    };
    for (index, algorithm) in algorithms(10).iter().enumerate() {
        let ask = |identifier: &'static str, dynamic| {
            let check = subject.dynamic(algorithm, identifier, dynamic).with_cost(0);
            let subject = &subject;
            async move { subject.take_with(check, now).await.limit }
        };
        assert_eq!(ask("one", DynamicLimits::Identifier).await, 10, "{algorithm:?}");
        set(None, Some(3)).await;
        set(Some("two"), Some(20)).await;
        assert_eq!(subject.store.dynamic_limit(&prefix, Some("two")).await.unwrap_or(None), Some(20));
        let (off, both) = (DynamicLimits::Off, DynamicLimits::Identifier);
        let got =
            [ask("one", off).await, ask("one", DynamicLimits::Prefix).await, ask("two", DynamicLimits::Prefix).await];
        assert_eq!(got, [10, 3, 3], "{algorithm:?}");
        assert_eq!([ask("one", both).await, ask("two", both).await], [3, 20], "{algorithm:?}");

        // A refusal under the lower limit does not count when the limit is raised.
        let name = &format!("raised:{index}");
        let check = |cost| subject.dynamic(algorithm, name, DynamicLimits::Prefix).with_cost(cost);
        let first = subject.take_with(check(3), now).await;
        assert_eq!((first.allowed, first.remaining), (true, 0), "{algorithm:?}");
        for _ in 0..4 {
            assert!(!subject.take_with(check(1), now).await.allowed, "{algorithm:?}");
        }
        set(None, Some(8)).await;
        let raised = subject.take_with(check(0), now).await;
        assert_eq!(raised.limit, 8);
        // A bucket and a burst do not fill up because they have become larger.
        let expected = if matches!(algorithm, crate::ratelimit::Algorithm::TokenBucket(_)) { 0 } else { 5 };
        assert_eq!(raised.remaining, expected, "{algorithm:?}");
        set(None, None).await;
        set(Some("two"), None).await;
        assert_eq!([ask("one", both).await, ask("two", both).await], [10, 10], "{algorithm:?}");
    }
}
