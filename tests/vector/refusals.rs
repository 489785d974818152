use crate::{index, sparse};
use axum_upstash::{
    ErrorKind,
    local::{LocalVector, LocalVectorFaults, LocalVectorIndex, LocalVectorLimits},
    vector::{Filter, Index, Query, Record, VectorRefusal},
};
use std::time::Duration;

#[tokio::test]
async fn refusals_say_what_is_wrong() {
    let local = LocalVector::start().await.unwrap();
    let dense: Index = index(&local, "dense-2");
    let hybrid: Index = index(&local, "hybrid-2");
    let words: Index = index(&local, "sparse");
    let error = dense.upsert(Record::dense(1, [1.0, 2.0, 3.0])).await.unwrap_err();
    assert_eq!(VectorRefusal::of(&error), Some(&VectorRefusal::DimensionMismatch { got: 3, expected: 2 }));
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = dense.upsert(Record::text(1, "text")).await.unwrap_err();
    assert_eq!(VectorRefusal::of(&error), Some(&VectorRefusal::NoEmbeddingModel));
    let error = dense.query(Query::text("text")).await.unwrap_err();
    assert_eq!(VectorRefusal::of(&error), Some(&VectorRefusal::NoEmbeddingModel));
    let error = hybrid.upsert(Record::dense(1, [1.0, 2.0])).await.unwrap_err();
    assert_eq!(VectorRefusal::of(&error), Some(&VectorRefusal::RequiresSparse));
    let error = words.query(Query::dense([1.0])).await.unwrap_err();
    assert_eq!(VectorRefusal::of(&error), Some(&VectorRefusal::RequiresSparse));
    let error = dense.query(Query::sparse(sparse(&[(1, 1.0)]))).await.unwrap_err();
    assert_eq!(VectorRefusal::of(&error), Some(&VectorRefusal::RequiresDense));
    let error = dense.namespace("none").delete_namespace().await.unwrap_err();
    assert_eq!(VectorRefusal::of(&error), Some(&VectorRefusal::NamespaceNotFound));
    let error = dense.query(Query::dense([1.0, 2.0]).filter(Filter::raw("secret IN ['secret']"))).await.unwrap_err();
    let Some(VectorRefusal::InvalidFilter { line: 1, column: 10, detail }) = VectorRefusal::of(&error) else {
        panic!("{error:?}");
    };
    assert!(detail.contains("token recognition error"));
    assert!(!error.to_string().contains("secret"), "{error}");
    for top_k in [0, 1_001] {
        assert_eq!(dense.query(Query::dense([1.0, 2.0]).top_k(top_k)).await.unwrap_err().status(), Some(422));
    }
}

#[tokio::test]
async fn tokens_and_quotas_are_told_apart() {
    let kind = LocalVectorIndex::dense("mine", 2).token("mine").read_only_token("reader");
    let limits = LocalVectorLimits { daily_queries: Some(2), daily_updates: Some(3), ..LocalVectorLimits::default() };
    let local = LocalVector::builder().index(kind).limits(limits).start().await.unwrap();
    let with = |token: &str| Index::new(local.index_url("mine").unwrap(), token).unwrap();
    let (owner, reader, stranger): (Index, Index, Index) = (with("mine"), with("reader"), with(local.token()));
    let error = stranger.info().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("the Vector token"), "{error}");
    let record = || Record::dense(1, [1.0, 2.0]);
    assert_eq!(reader.upsert(record()).await.unwrap_err().kind(), ErrorKind::Forbidden);
    reader.info().await.unwrap();

    let many = || (0..4_u32).map(|n| Record::dense(n, [1.0, 2.0]));
    let error = owner.upsert_all(many()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    owner.upsert_all(many().take(3)).await.unwrap();
    assert_eq!(owner.upsert(record()).await.unwrap_err().kind(), ErrorKind::QuotaExceeded);
    for _ in 0..2 {
        reader.query(Query::dense([1.0, 2.0])).await.unwrap();
    }
    let error = reader.query(Query::dense([1.0, 2.0])).await.unwrap_err();
    assert!(error.is_outage() && error.to_string().contains("Exceeded daily query limit: 2"), "{error}");
    local.advance(Duration::from_secs(24 * 3600));
    assert_eq!(reader.query(Query::dense([1.0, 2.0])).await.unwrap().len(), 3);
}

#[tokio::test]
async fn faults_are_borne() {
    let faults = LocalVectorFaults::seeded(3).refused_calls(0.2).lost_answers(0.2);
    let local = LocalVector::builder().faults(faults).start().await.unwrap();
    let url = local.index_url("dense-2").unwrap();
    let retry = axum_upstash::client::RetryPolicy::default()
        .with_max_retries(12)
        .with_backoff(Duration::from_millis(1), Duration::from_millis(2));
    let index: Index = Index::builder(url, local.token()).retry(retry).build().unwrap();
    for n in 0..50_u32 {
        index.upsert(Record::dense(n, [1.0, 2.0])).await.unwrap();
    }
    assert_eq!(index.info().await.unwrap().vector_count, 50);
    assert!(local.requests() > 60, "{}", local.requests());
}
