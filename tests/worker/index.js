// What `worker-build` writes around the module, without its care for panics.
import { initSync, fetch } from "./worker.js";
import module from "./worker_bg.wasm";

initSync({ module });

export default { fetch: (request, env, context) => fetch(request, env, context) };
