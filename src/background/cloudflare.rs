use super::Background;
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;

#[wasm_bindgen(module = "cloudflare:workers")]
extern "C" {
    /// Of the request that is being handled, whichever it is.
    #[wasm_bindgen(js_name = waitUntil, catch)]
    fn wait_until(promise: &Promise) -> Result<(), JsValue>;
}

impl Background {
    /// Hands all work to `waitUntil` of the request that caused it, so that no response waits for it. For Cloudflare
    /// Workers, which run it up to 30 s after the response.
    ///
    /// It is there on wasm32, with the feature `cloudflare-workers`. The module `cloudflare:workers` exports `waitUntil`
    /// since August 2025.
    pub fn cloudflare_workers() -> Self {
        Self::with_spawner(|work| {
            let promise = future_to_promise(async {
                work.await;
                Ok(JsValue::UNDEFINED)
            });
            if wait_until(&promise).is_err() {
                tracing::warn!("background work may be lost: waitUntil takes no work outside of a request");
            }
        })
    }
}
