use crate::index;
use axum_upstash::{
    ErrorKind,
    local::{LocalVector, LocalVectorFaults},
    vector::{Include, Index, Query, Record},
};
use std::time::Duration;

#[tokio::test]
async fn a_record_is_read_at_once_and_found_later() {
    let local = LocalVector::builder().indexing_delay(Duration::from_secs(3600)).start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    index.namespace("other").upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
    // Of this namespace nothing is pending.
    index.wait_until_indexed(Duration::ZERO).await.unwrap();
    index.upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
    assert!(index.fetch([1], Include::NONE).await.unwrap()[0].is_some());
    assert_eq!(index.range().page().await.unwrap().records.len(), 1);
    assert_eq!(index.query(Query::dense([1.0, 0.0])).await.unwrap(), []);
    let info = index.info().await.unwrap();
    assert_eq!((info.vector_count, info.pending_vector_count), (0, 2));
    let error = index.wait_until_indexed(Duration::from_millis(120)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("1 records are still pending"), "{error}");

    let waiting = tokio::spawn({
        let index = index.clone();
        async move { index.wait_until_indexed(Duration::from_secs(60)).await }
    });
    local.advance(Duration::from_secs(3600));
    waiting.await.unwrap().unwrap();
    assert_eq!(index.query(Query::dense([1.0, 0.0])).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_limit_that_is_shorter_than_an_answer_is_one_look() {
    let faults = LocalVectorFaults::seeded(0).latency(Duration::from_millis(100));
    let local = LocalVector::builder().indexing_delay(Duration::from_secs(3600)).faults(faults).start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    index.wait_until_indexed(Duration::ZERO).await.unwrap();
    index.upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
    let error = index.wait_until_indexed(Duration::ZERO).await.unwrap_err();
    assert!(error.to_string().contains("1 records are still pending"), "{error}");
}
