use crate::qstash::{IdempotencyGuard, Receiver};
use axum_core::body::Body;
use std::{fmt, marker::PhantomData, sync::Arc};

/// Verifies deliveries of QStash, and hands them on with the same body.
///
/// It is for routers whose routes are all webhooks, and for tower services without axum. A request without a valid
/// signature gets the responses of a [`QStashRejection`](crate::qstash::QStashRejection), and does not reach the inner
/// service. The others have their [`Metadata`](crate::qstash::Metadata) in their extensions. An extractor behind the
/// layer, such as [`QStash`](crate::qstash::QStash), does not verify again if it has the same receiver.
///
/// ```
/// use axum::{Json, Router, body::Body, http::Request, routing::post};
/// use axum_upstash::{Upstash, qstash::Metadata};
/// use tower::ServiceExt;
///
/// async fn receipt(metadata: Metadata, Json(order): Json<u64>) -> String {
///     format!("order {order}, after {} retries", metadata.retried)
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().qstash_signing_keys("sig_current", "sig_next").build()?;
/// let webhooks: Router = Router::new()
///     .route("/receipt", post(receipt))
///     .layer(upstash.qstash_layer().with_idempotency_guard(upstash.idempotency_guard()));
/// let app: Router = Router::new().nest("/webhooks", webhooks);
///
/// let unsigned = Request::post("/webhooks/receipt").body(Body::from("17"))?;
/// assert_eq!(app.oneshot(unsigned).await?.status(), 401);
/// # Ok(())
/// # }
/// ```
///
/// The body is read to its end before the handler runs, within the limit of the
/// [receiver](Receiver::with_body_limit). Trailers are not handed on.
///
/// `B` is the body that the inner service takes: axum's, or [another one](Self::with_request_body).
#[must_use]
pub struct QStashLayer<B = Body> {
    pub(super) config: Arc<Config>,
    body: PhantomData<fn() -> B>,
}

#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) receiver: Receiver,
    pub(super) idempotency: Option<IdempotencyGuard>,
}

impl QStashLayer {
    /// Verifies with this receiver, and asks its [replay guard](Receiver::with_replay_guard) if it has one.
    pub fn new(receiver: Receiver) -> Self {
        Self { config: Arc::new(Config { receiver, idempotency: None }), body: PhantomData }
    }
}

impl<B> QStashLayer<B> {
    /// Handles each message once, as long as the handler succeeds: see [`IdempotencyGuard`].
    pub fn with_idempotency_guard(mut self, guard: IdempotencyGuard) -> Self {
        Arc::make_mut(&mut self.config).idempotency = Some(guard);
        self
    }

    /// Sets the body that the inner service takes, for a service that is not axum's.
    ///
    /// ```
    /// use axum_upstash::qstash::{QStashLayer, Receiver};
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use std::convert::Infallible;
    /// use tower::{ServiceBuilder, ServiceExt, service_fn};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let receiver = Receiver::new("sig_current", "sig_next")?;
    /// let service = ServiceBuilder::new()
    ///     .layer(QStashLayer::new(receiver).with_request_body::<Full<Bytes>>())
    ///     .service(service_fn(async |request: Request<Full<Bytes>>| {
    ///         Ok::<_, Infallible>(Response::new(request.into_body()))
    ///     }));
    /// let response = service.oneshot(Request::new(Full::<Bytes>::default())).await?;
    /// assert_eq!(response.status(), 401);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_request_body<B2>(self) -> QStashLayer<B2> {
        QStashLayer { config: self.config, body: PhantomData }
    }
}

impl<B> Clone for QStashLayer<B> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config), body: PhantomData }
    }
}

impl<B> fmt::Debug for QStashLayer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QStashLayer").field("config", &self.config).finish()
    }
}
