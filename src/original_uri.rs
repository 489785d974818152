//! The URI of a request as its client sent it.

use http::{Extensions, Uri};

/// The URI from before nested axum routers took their prefix off.
#[cfg(feature = "axum")]
pub(crate) fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    extensions.get::<axum::extract::OriginalUri>().map_or(uri, |original| &original.0)
}

/// The URI, which no router changes.
#[cfg(not(feature = "axum"))]
pub(crate) fn original_uri<'a>(_: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    uri
}
