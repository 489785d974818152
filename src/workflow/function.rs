use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use futures_core::future::BoxFuture;
use http::request::Parts;
use std::future::Future;

/// A function that is [served](super::serve) as a workflow, or that [hears of failures](super::Workflow::on_failure): async,
/// with up to eight extractors before its context.
///
/// Extractors see the request of each delivery. One that refuses it answers it.
///
/// ```
/// use axum::{Router, extract::{Path, State}, routing::post};
/// use axum_upstash::{Upstash, workflow::{WorkflowContext, WorkflowError, serve}};
///
/// async fn order(
///     State(upstash): State<Upstash>,
///     Path(shop): Path<String>,
///     ctx: WorkflowContext<u32>,
/// ) -> Result<String, WorkflowError> {
///     Ok(ctx.run("reserve", async { Ok::<_, WorkflowError>(shop) }).await)
/// }
///
/// let app: Router<Upstash> = Router::new().route("/{shop}/order", post(serve(order)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no workflow",
    note = "it is an async function with extractors of request parts, and a `WorkflowContext` or `WorkflowFailure` last"
)]
pub trait WorkflowFunction<M, S, L>: Clone + Send + Sync + 'static {
    /// The value that it returns.
    type Output;

    /// Runs the extractors, and begins the function.
    fn begin(self, parts: Parts, state: S, last: L) -> BoxFuture<'static, Begun<Self::Output>>;
}

/// A function that has begun, or the answer of the extractor that refuses the request.
pub type Begun<T> = Result<BoxFuture<'static, T>, Response>;

macro_rules! functions {
    ($($name:ident)*) => {
        impl<F, Fut, S, L, $($name,)*> WorkflowFunction<($($name,)*), S, L> for F
        where
            F: Fn($($name,)* L) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            S: Send + Sync + 'static,
            L: Send + 'static,
            $($name: FromRequestParts<S> + Send + 'static,)*
        {
            type Output = Fut::Output;

            #[allow(unused_mut, unused_variables, non_snake_case, reason = "without extractors there is nothing to read")]
            fn begin(self, mut parts: Parts, state: S, last: L) -> BoxFuture<'static, Begun<Fut::Output>> {
                Box::pin(async move {
                    $(
                        let $name = match $name::from_request_parts(&mut parts, &state).await {
                            Ok(value) => value,
                            Err(refused) => return Err(refused.into_response()),
                        };
                    )*
                    let future: BoxFuture<'static, Fut::Output> = Box::pin(self($($name,)* last));
                    Ok(future)
                })
            }
        }
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);
functions!(A B C D E);
functions!(A B C D E G);
functions!(A B C D E G H);
functions!(A B C D E G H I);
