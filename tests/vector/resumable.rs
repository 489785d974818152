use crate::index;
use axum_upstash::{
    ErrorKind,
    client::{ReqwestTransport, Transport, TransportBody, TransportError, TransportErrorKind},
    local::LocalVector,
    vector::{Index, Query, Record, field},
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture};
use serde_json::json;
use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

async fn filled(index: &Index, count: u16) {
    let records = (0..count).map(|n| Record::dense(n, [1.0, f32::from(n)]).metadata(json!({"n": n})));
    index.upsert_all(records).await.unwrap();
}

#[tokio::test]
async fn results_come_once_and_in_order() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    filled(&index, 100).await;
    let query = || Query::dense([1.0, 0.0]).top_k(7).filter(field("n").ge(10));
    let results = index.resumable(query()).await.unwrap();
    let all: Vec<_> = results.try_collect().await.unwrap();
    let ids: Vec<&str> = all.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(ids, (10..100).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(all.windows(2).all(|pair| pair[0].score >= pair[1].score));

    let mut results = index.resumable(query()).await.unwrap();
    assert_eq!(results.next().await.unwrap().unwrap().id, "10");
    results.close().await.unwrap();
    // In a namespace that is not there is nothing to go on with.
    let none = index.namespace("none").resumable(query()).await.unwrap();
    none.close().await.unwrap();
}

#[tokio::test]
async fn a_query_that_was_idle_for_too_long_is_an_error_and_not_an_end() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    filled(&index, 10).await;
    let query = Query::dense([1.0, 0.0]).top_k(2);
    let mut results = index.resumable_with_idle(query, Duration::from_secs(60)).await.unwrap();
    for _ in 0..4 {
        assert!(results.next().await.unwrap().is_ok());
    }
    local.advance(Duration::from_secs(61));
    assert_eq!(results.next().await.unwrap().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(results.next().await.is_none());
    // It has ended, which is what is wanted.
    results.close().await.unwrap();
}

/// Loses the answer to one request, after the server has done it.
struct Losing {
    inner: ReqwestTransport,
    path: &'static str,
    seen: Arc<AtomicUsize>,
}

impl Transport for Losing {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let is_lost = request.uri().path().ends_with(self.path) && self.seen.fetch_add(1, Ordering::Relaxed) == 0;
        let sent = self.inner.send(request);
        async move {
            let answer = sent.await?;
            if is_lost {
                let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                return Err(TransportError::new(TransportErrorKind::Interrupted, reset));
            }
            Ok(answer)
        }
        .boxed()
    }
}

fn losing(local: &LocalVector, path: &'static str) -> (Index, Arc<AtomicUsize>) {
    let inner = ReqwestTransport::new(ReqwestTransport::client_builder().build().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let transport = Losing { inner, path, seen: Arc::clone(&seen) };
    let url = local.index_url("dense-2").unwrap();
    (Index::builder(url, local.token()).transport(transport).build().unwrap(), seen)
}

/// What a lost page had would be skipped by another request for it.
#[tokio::test]
async fn a_lost_page_is_not_asked_for_again() {
    let local = LocalVector::start().await.unwrap();
    let (index, seen) = losing(&local, "/resumable-query-next");
    filled(&index, 10).await;
    let mut results = index.resumable(Query::dense([1.0, 0.0]).top_k(3)).await.unwrap();
    let first: HashSet<_> = [&mut results]
        .into_iter()
        .map(|results| results.take(3))
        .collect::<Vec<_>>()
        .remove(0)
        .map_ok(|found| found.id)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(first.len(), 3);
    assert_eq!(results.next().await.unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(results.next().await.is_none());
    assert_eq!(seen.load(Ordering::Relaxed), 1);
    results.close().await.unwrap();
}

#[tokio::test]
async fn other_lost_answers_are_asked_for_again() {
    let local = LocalVector::start().await.unwrap();
    for path in ["/upsert", "/query", "/fetch", "/delete"] {
        let (index, seen) = losing(&local, path);
        index.upsert(Record::dense(1, [1.0, 0.0])).await.unwrap();
        assert_eq!(index.query(Query::dense([1.0, 0.0])).await.unwrap()[0].id, "1");
        assert!(index.fetch([1], axum_upstash::vector::Include::NONE).await.unwrap()[0].is_some());
        // The record was gone when the call came again.
        assert_eq!(index.delete([1]).await.unwrap(), u64::from(path != "/delete"));
        assert_eq!(seen.load(Ordering::Relaxed), 2, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_dropped_is_ended_in_the_background() {
    let limits = axum_upstash::local::LocalVectorLimits { resumable_queries: 1, ..Default::default() };
    let local = LocalVector::builder().limits(limits).start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    filled(&index, 10).await;
    let query = || Query::dense([1.0, 0.0]).top_k(3);
    let results = index.resumable(query()).await.unwrap();
    assert_eq!(index.resumable(query()).await.unwrap_err().kind(), ErrorKind::RateLimited);
    drop(results);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while let Err(error) = index.resumable(query()).await {
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(tokio::time::Instant::now() < deadline, "the query is still open");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_query_whose_results_cannot_be_read_is_ended_as_well() {
    let limits = axum_upstash::local::LocalVectorLimits { resumable_queries: 1, ..Default::default() };
    let local = LocalVector::builder().limits(limits).start().await.unwrap();
    let index: Index = index(&local, "dense-2");
    filled(&index, 10).await;
    let query = || Query::dense([1.0, 0.0]).include(axum_upstash::vector::Include::METADATA);
    let typed = index.typed::<Vec<u8>>();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    for _ in 0..3 {
        loop {
            let error = typed.resumable(query()).await.unwrap_err();
            if error.kind() == ErrorKind::Decode {
                assert_eq!(error.key(), Some("0"));
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "the query is still open: {error}");
            tokio::task::yield_now().await;
        }
    }
}
