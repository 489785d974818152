//! Requests that wait for another's response, and the limits of waiting.

use super::*;

/// A service on which `GET /` takes `length` of paused time, and panics if `panics` says so.
#[allow(clippy::needless_pass_by_value, reason = "callers give fresh ones")]
fn timed(
    layer: ResponseCacheLayer,
    length: Duration,
    panics: impl Fn(usize) -> bool + Clone + Send + Sync + 'static,
) -> (
    impl tower::Service<Request, Response = Response<impl Sized>, Error = Infallible, Future: Send> + Clone + Send,
    Calls,
) {
    let calls = Calls::default();
    let counter = calls.clone();
    let service = layer.layer(service_fn(move |request: Request| {
        let is_get = request.method() == Method::GET;
        let number = if is_get { counter.add() } else { 0 };
        let panics = panics.clone();
        async move {
            if is_get {
                tokio::time::sleep(length).await;
                assert!(!panics(number), "the handler panics");
            }
            Ok::<_, Infallible>(([("cache-control", "max-age=60")], number.to_string()).into_response())
        }
    }));
    (service, calls)
}

#[tokio::test(start_paused = true)]
async fn changes_elsewhere_neither_keep_a_response_out_nor_let_waiters_go() {
    let (service, calls) = timed(ResponseCacheLayer::memory(), Duration::from_secs(4), |_| false);
    let readers: Vec<_> =
        (0..50).map(|_| tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    for index in 0..1_500 {
        service.clone().oneshot(request(Method::POST, &format!("/{index}"), &[])).await.unwrap();
    }
    for reader in readers {
        assert!(reader.await.unwrap().is_ok());
    }
    assert_eq!(calls.count(), 1);
    assert!(service.clone().oneshot(request(Method::GET, "/", &[])).await.is_ok());
    assert_eq!(calls.count(), 1, "it was stored");
}

#[tokio::test(start_paused = true)]
async fn after_a_change_one_of_those_who_wait_leads() {
    let (service, calls) =
        timed(ResponseCacheLayer::memory().with_wait_timeout(Duration::from_secs(60)), Duration::from_secs(4), |_| {
            false
        });
    let readers: Vec<_> =
        (0..50).map(|_| tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])))).collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    service.clone().oneshot(request(Method::POST, "/", &[])).await.unwrap();
    for reader in readers {
        assert!(reader.await.unwrap().is_ok());
    }
    assert_eq!(calls.count(), 2);
    assert!(service.clone().oneshot(request(Method::GET, "/", &[])).await.is_ok());
    assert_eq!(calls.count(), 2, "what was made after the change is stored");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_always_panics_makes_nobody_wait_for_all_others() {
    let (service, _) = timed(ResponseCacheLayer::memory(), Duration::from_millis(20), |_| true);
    let start = tokio::time::Instant::now();
    let all: Vec<_> = (0..100).map(|_| tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])))).collect();
    for task in all {
        assert!(task.await.is_err());
    }
    assert!(start.elapsed() <= Duration::from_millis(65), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_layer_says() {
    let layer = ResponseCacheLayer::memory().with_wait_timeout(Duration::from_secs(2));
    let (service, calls) = timed(layer, Duration::from_secs(60), |_| false);
    let leader = tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let follower = tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])));
    tokio::time::sleep(Duration::from_millis(1_900)).await;
    assert_eq!(calls.count(), 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(calls.count(), 2, "it calls the handler itself");
    assert!(leader.await.unwrap().is_ok() && follower.await.unwrap().is_ok());
}

/// A store that takes nothing.
#[derive(Debug)]
struct Full;

impl ResponseStore for Full {
    fn get<'a>(&'a self, _: &'a str, _: Option<&'a str>) -> BoxFuture<'a, Result<Records, Error>> {
        Box::pin(async { Ok(Records::default()) })
    }

    fn put<'a>(&'a self, _: &'a str, _: Record, _: Duration) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Err(Error::new(ErrorKind::Timeout, "late, says the test")) })
    }

    fn delete<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_have_the_answer_whether_it_was_stored_or_not() {
    let (service, calls) = timed(ResponseCacheLayer::new(Full), Duration::from_secs(1), |_| false);
    let all: Vec<_> = (0..50).map(|_| tokio::spawn(service.clone().oneshot(request(Method::GET, "/", &[])))).collect();
    for task in all {
        assert!(task.await.unwrap().is_ok());
    }
    assert_eq!(calls.count(), 1);
}

/// As on hosts that cancel a request which waits for another one's.
#[tokio::test(start_paused = true)]
async fn without_single_flight_each_request_goes_itself() {
    let layer = ResponseCacheLayer::memory().with_single_flight(false);
    let (service, calls) = timed(layer, Duration::from_secs(1), |_| false);
    let begun = tokio::time::Instant::now();
    let all = (0..20).map(|_| service.clone().oneshot(request(Method::GET, "/", &[])));
    for response in join_all(all).await {
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
    assert_eq!((calls.count(), begun.elapsed()), (20, Duration::from_secs(1)));
    // They share through the store.
    assert!(service.clone().oneshot(request(Method::GET, "/", &[])).await.is_ok());
    assert_eq!(calls.count(), 20);
}
