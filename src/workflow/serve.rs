use super::{
    context::WorkflowContext,
    endpoint::Endpoint,
    erased::ErasedFunction,
    failure::WorkflowFailure,
    function::WorkflowFunction,
    service::WorkflowService,
    versions::Versions,
    watch::{Observer, WorkflowEvent},
};
use crate::qstash::{QStashClient, Receiver};
use axum_core::response::Response;
use futures_core::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt;

/// The longest body of a request, in bytes.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// A durable function, to be served at a URL. It comes from [`serve`].
///
/// ```
/// use axum::{Router, routing::post};
/// use axum_upstash::{Upstash, workflow::{WorkflowContext, WorkflowError, WorkflowFailure, serve}};
///
/// async fn charge(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
///     Ok(ctx.run("charge", async { Err::<u32, _>(WorkflowError::non_retryable("no card")) }).await)
/// }
///
/// let charge = serve(charge).on_failure(|failure: WorkflowFailure<u32>| async move {
///     println!("run {} failed: {}", failure.run_id, failure.message);
///     Ok(None)
/// });
/// let app: Router<Upstash> = Router::new().route("/workflows/charge", post(charge));
/// ```
#[must_use = "a workflow is served by a route"]
pub struct Workflow<S = ()> {
    versions: Versions<ErasedFunction<S>>,
    observer: Observer,
    base_url: Option<String>,
    is_unverified: bool,
    checks_replays: bool,
    body_limit: usize,
}

/// Makes a workflow of a [function](WorkflowFunction): `post(serve(function))` is its route.
pub fn serve<F, M, S, P, T, E>(function: F) -> Workflow<S>
where
    F: WorkflowFunction<M, S, WorkflowContext<P>, Output = Result<T, E>>,
    S: Clone + Send + Sync + 'static,
    P: DeserializeOwned + Send + Sync + 'static,
    T: Serialize + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    Workflow {
        versions: Versions::new(ErasedFunction::new(function)),
        observer: Observer::default(),
        base_url: None,
        is_unverified: false,
        checks_replays: cfg!(debug_assertions),
        body_limit: BODY_LIMIT,
    }
}

impl<S: Clone + Send + Sync + 'static> Workflow<S> {
    /// Calls a function when a run has failed. Its text is kept with the run.
    pub fn on_failure<G, M, P, R>(mut self, function: G) -> Self
    where
        G: WorkflowFunction<M, S, WorkflowFailure<P>, Output = Result<R, Box<dyn std::error::Error + Send + Sync>>>,
        P: DeserializeOwned + Send + Sync + 'static,
        R: Into<Option<String>> + 'static,
    {
        self.versions.current.tell(function);
        self
    }

    /// Refuses payloads that a function does not accept, such as one that validates them by a schema. Their runs fail at once.
    ///
    /// ```
    /// use axum_upstash::{Upstash, workflow::{WorkflowContext, WorkflowError, serve}};
    /// use axum::{Router, routing::post};
    ///
    /// async fn order(ctx: WorkflowContext<serde_json::Value>) -> Result<(), WorkflowError> {
    ///     Ok(ctx.sleep("think", std::time::Duration::from_secs(1)).await)
    /// }
    ///
    /// let order = serve(order).with_payload_check(|payload| match payload["sku"].is_u64() {
    ///     true => Ok(()),
    ///     false => Err("an order has a sku".into()),
    /// });
    /// let app: Router<Upstash> = Router::new().route("/order", post(order));
    /// ```
    pub fn with_payload_check(
        mut self,
        check: impl Fn(&Value) -> Result<(), Box<dyn std::error::Error + Send + Sync>> + Send + Sync + 'static,
    ) -> Self {
        self.versions.current.check(check);
        self
    }

    /// Names the version of the function. A run keeps the version that it began with.
    ///
    /// A name has letters, digits, `-`, `_` and `.` only; other characters are replaced by `-`. It is part of the URL that a
    /// run's messages are for.
    ///
    /// ```
    /// use axum_upstash::{Upstash, workflow::{WorkflowContext, WorkflowError, serve}};
    /// use axum::{Router, routing::post};
    /// # async fn before_versions(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> { todo(ctx).await }
    /// # async fn with_mail(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> { todo(ctx).await }
    /// # async fn with_call(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> { todo(ctx).await }
    /// # async fn todo(ctx: WorkflowContext<u32>) -> Result<u32, WorkflowError> {
    /// #     Ok(ctx.run("one", async { Ok::<_, WorkflowError>(1) }).await)
    /// # }
    ///
    /// let order = serve(with_call).version("v2").with_old(serve(with_mail).version("v1")).with_old(serve(before_versions));
    /// let app: Router<Upstash> = Router::new().route("/order", post(order));
    /// ```
    pub fn version(mut self, name: impl Into<String>) -> Self {
        let is_plain = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
        let name: String = name.into();
        self.versions.name = Some(name.chars().map(|one| if is_plain(one) { one } else { '-' }).collect());
        self
    }

    /// Keeps an older function, for runs that began with its [version](Self::version), or before there were versions. Once
    /// they have ended it can go. Its settings are not used, but for its payload check.
    pub fn with_old(mut self, old: Self) -> Self {
        self.versions.keep(old.versions);
        self
    }

    /// Sets scheme and host of the workflow, such as `https://app.example.com`, if those of requests are others.
    pub fn with_base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into().trim_end_matches('/').to_owned());
        self
    }

    /// Tells a function what happens in runs: their id, and an [event](WorkflowEvent). It should not block.
    pub fn with_observer(mut self, observe: impl Fn(&str, WorkflowEvent<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// Sets whether the function runs twice in each delivery, and has to ask for the same steps both times (only in builds
    /// with debug assertions). The first difference is an error that names the steps.
    ///
    /// Steps are executed once. The code between them runs once more.
    pub fn with_replay_check(mut self, checks_replays: bool) -> Self {
        self.checks_replays = checks_replays;
        self
    }

    /// Verifies no signatures: anyone may call the endpoint, and tell it any history.
    pub fn without_verification(mut self) -> Self {
        self.is_unverified = true;
        self
    }

    /// Sets the longest body of a request, in bytes (64 MiB).
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// A tower service, which needs no axum.
    #[must_use]
    pub fn into_service(self, qstash: QStashClient, receiver: Receiver, state: S) -> WorkflowService {
        let endpoint = Endpoint {
            versions: self.versions.map(|function| function.with_state(state.clone())),
            observer: self.observer,
            checks_replays: self.checks_replays,
            qstash,
            receiver: (!self.is_unverified).then_some(receiver),
        };
        WorkflowService::new(endpoint, self.base_url, self.body_limit)
    }
}

#[cfg(feature = "axum")]
impl<S> axum::handler::Handler<(), S> for Workflow<S>
where
    QStashClient: axum_core::extract::FromRef<S>,
    Receiver: axum_core::extract::FromRef<S>,
    S: Clone + Send + Sync + 'static,
{
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: axum_core::extract::Request, state: S) -> Self::Future {
        use axum_core::extract::FromRef;
        let service = self.into_service(QStashClient::from_ref(&state), Receiver::from_ref(&state), state);
        Box::pin(async move { service.answer(request).await })
    }
}

impl<S> Clone for Workflow<S> {
    fn clone(&self) -> Self {
        Self {
            versions: self.versions.clone(),
            observer: self.observer.clone(),
            base_url: self.base_url.clone(),
            is_unverified: self.is_unverified,
            checks_replays: self.checks_replays,
            body_limit: self.body_limit,
        }
    }
}

/// Without the address: a URL may hold a password.
impl<S> fmt::Debug for Workflow<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Workflow");
        shown.field("version", &self.versions.name).field("is_unverified", &self.is_unverified);
        shown
            .field("checks_replays", &self.checks_replays)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
    }
}
