// Many commands at once, which the SDK puts into one pipeline of writes and one of reads.
import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { output, recordRequests } from "./support.mjs";

const MANY = 300;
const requests = recordRequests();
const redis = Redis.fromEnv({ enableAutoPipelining: true });
const numbers = Array.from({ length: MANY }, (_, number) => number);

await Promise.all(numbers.map((number) => redis.set(`auto:${number}`, { number, crab: "🦀" })));
const values = await Promise.all(numbers.map((number) => redis.get(`auto:${number}`)));
assert.deepEqual(values, numbers.map((number) => ({ number, crab: "🦀" })));
assert.deepEqual(
  requests.map(({ path, body }) => [path, body.length]),
  [["/pipeline", MANY], ["/pipeline", MANY]],
);

// A command that fails takes none of its neighbours with it.
const [before, failed, after] = await Promise.allSettled([
  redis.incr("auto:count"),
  redis.incr("auto:0"),
  redis.incr("auto:count"),
]);
assert.deepEqual([before.value, after.value], [1, 2]);
assert.match(failed.reason.message, /not an integer/);

output({ many: MANY, requests: requests.length });
