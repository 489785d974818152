use crate::index;
use axum_upstash::{
    ErrorKind,
    local::{LocalVector, LocalVectorIndex, LocalVectorLimits},
    vector::{Include, IncompleteUpsert, Index, Record, VectorId},
};
use serde_json::json;

#[tokio::test]
async fn any_number_of_records_goes_in_as_few_requests_as_there_can_be() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    assert_eq!(index.upsert_all(Vec::<Record>::new()).await.unwrap(), 0);
    assert_eq!(local.requests(), 0);
    let records = |count: u32| (0..count).map(|n| Record::dense(n, [1.0, 0.0]));
    assert_eq!(index.upsert_all(records(2_500)).await.unwrap(), 2_500);
    assert_eq!(local.requests(), 3);
    assert_eq!(index.upsert_all(records(100)).batch_size(10).await.unwrap(), 100);
    assert_eq!(local.requests(), 13);
    let ids: Vec<u32> = (0..2_500).collect();
    let found = index.fetch(ids.clone(), Include::NONE).await.unwrap();
    assert!(found.iter().zip(&ids).all(|(found, id)| found.as_ref().unwrap().id == id.to_string()));
    assert_eq!(local.requests(), 16);
    assert_eq!(index.delete(ids).await.unwrap(), 2_500);
    assert_eq!(local.requests(), 19);
}

#[tokio::test]
async fn requests_are_bounded_by_bytes_and_texts_go_apart() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-embed");
    let long = "word ".repeat(2_000);
    let mixed = (0..40_u32).map(|n| match n % 2 {
        0 => Record::text(n, &*long),
        _ => Record::dense(n, vec![1.0; 384]).data("vector"),
    });
    // Twenty texts of 10 kB, three in a request; twenty vectors in one.
    assert_eq!(index.upsert_all(mixed).batch_bytes(35_000).await.unwrap(), 40);
    assert_eq!(local.requests(), 8);
    let found = index.fetch([0, 1], Include::DATA | Include::VECTORS).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().data.as_deref(), Some(&*long));
    assert_eq!(found[1].as_ref().unwrap().vector, Some(vec![1.0; 384]));
}

#[tokio::test]
async fn what_failed_is_told_and_the_rest_is_stored() {
    let kind = LocalVectorIndex::dense("small", 2);
    let limits = LocalVectorLimits { data_bytes: 10, ..LocalVectorLimits::default() };
    let local = LocalVector::builder().index(kind).limits(limits).start().await.unwrap();
    let index: Index = index(&local, "small");
    let records = (0..10_u32).map(|n| {
        let data = if matches!(n, 3 | 8) { "much more than ten bytes" } else { "short" };
        Record::dense(n, [1.0, 0.0]).data(data)
    });
    let error = index.upsert_all(records).batch_size(2).concurrency(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(error.to_string().starts_with("vector upsert: 4 of 10 records may not be stored: Exceeded max data size"));
    let part = IncompleteUpsert::of(&error).unwrap();
    // A batch is stored as a whole, or not at all.
    assert_eq!(part.stored, 6);
    assert_eq!(part.failed_ids().map(VectorId::as_str).collect::<Vec<_>>(), ["2", "3", "8", "9"]);
    assert_eq!(index.info().await.unwrap().vector_count, 6);
}

#[tokio::test]
async fn a_record_that_cannot_be_sent_stops_all_before_anything_is_sent() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    let records = [Record::dense(0, [1.0, 0.0]), Record::dense(1, [f32::NAN, 0.0])];
    let error = index.upsert_all(records.clone()).await.unwrap_err();
    assert_eq!((error.kind(), local.requests()), (ErrorKind::InvalidInput, 0));
    assert!(error.to_string().contains("record 1: "), "{error}");
    assert!(index.upsert(records[1].clone()).await.is_err());

    /// Metadata that JSON has no form for.
    #[derive(Clone)]
    struct Broken;
    impl serde::Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    let broken = Record::dense(0, [1.0, 0.0]).metadata(Broken);
    assert_eq!(index.typed::<Broken>().upsert(broken).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(local.requests(), 0);
}

#[tokio::test]
async fn a_batch_that_the_service_refuses_changes_nothing() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    let records = [Record::dense("a", vec![1.0, 0.0]), Record::dense("b", vec![1.0]).metadata(json!({}))];
    assert!(index.upsert_all(records).await.is_err());
    assert_eq!(index.info().await.unwrap().vector_count, 0);
}

#[tokio::test]
async fn of_several_records_with_one_id_the_last_one_is_stored() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-embed");
    let records = (0..3_000_u32).map(|n| match n % 2 {
        0 => Record::text(n % 10, format!("text {n}")),
        _ => Record::dense(n % 10, vec![1.0; 384]).data(format!("vector {n}")),
    });
    assert_eq!(index.upsert_all(records).batch_size(100).await.unwrap(), 10);
    let found = index.fetch(0..10_u32, Include::DATA).await.unwrap();
    let data: Vec<_> = found.into_iter().map(|found| found.unwrap().data.unwrap()).collect();
    assert_eq!((data[0].as_str(), data[9].as_str()), ("text 2990", "vector 2999"));
}

#[tokio::test]
async fn what_fails_for_all_is_not_tried_for_all() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = Index::new(local.index_url("dense-2").unwrap(), "wrong").unwrap();
    let records = (0..100_u32).map(|n| Record::dense(n, [1.0, 0.0]));
    let error = index.upsert_all(records).batch_size(1).concurrency(2).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)));
    assert!(local.requests() <= 3, "{}", local.requests());
    let part = IncompleteUpsert::of(&error).unwrap();
    assert_eq!((part.stored, part.failed_ids().count()), (0, 100));
    let before = local.requests();
    assert!(index.fetch(0..50_000_u32, Include::NONE).await.is_err());
    assert!(local.requests() - before <= 5);
}

/// A caller that waits for the end of an outage must not wait for a dimension to change.
#[tokio::test]
async fn the_reason_of_several_failures_is_one_that_does_not_pass() {
    let faults = axum_upstash::local::LocalVectorFaults::seeded(1).refused_calls(0.5);
    let local = LocalVector::builder().faults(faults).start().await.unwrap();
    let url = local.index_url("dense-2").unwrap();
    let retry = axum_upstash::client::RetryPolicy::never();
    let index: Index = Index::builder(url, local.token()).retry(retry).build().unwrap();
    let records = (0..40_u32).map(|n| Record::dense(n, if n > 20 { vec![1.0] } else { vec![1.0, 0.0] }));
    let error = index.upsert_all(records).batch_size(1).concurrency(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let refusal = axum_upstash::vector::VectorRefusal::of(&error).map(ToString::to_string);
    assert!(!error.is_outage(), "{error}");
    let part = IncompleteUpsert::of(&error).unwrap();
    assert!(part.failed.iter().any(|batch| batch.error.is_outage()), "{refusal:?}");
    assert!(!format!("{error:?}").contains("\"39\""), "{error:?}");
}
