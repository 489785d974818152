// Transactions: one that runs, one whose command fails while it runs, and one that is discarded.
import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { output } from "./support.mjs";

const redis = Redis.fromEnv();

const done = redis.multi();
done.set("multi:name", "Zoë");
done.incrby("multi:count", 5);
done.get("multi:name");
assert.deepEqual(await done.exec(), ["OK", 5, "Zoë"]);

const failing = redis.multi();
failing.incr("multi:count");
failing.incr("multi:name");
failing.incr("multi:count");
const kept = await failing.exec({ keepErrors: true });
assert.deepEqual([kept[0].result, kept[2].result], [6, 7]);
assert.match(kept[1].error, /not an integer/);

// Redis refuses to queue DEL without a key, and with it the whole transaction.
const discarded = redis.multi();
discarded.set("multi:never", "written");
discarded.del();
const refusal = await discarded.exec().then(
  () => assert.fail("the transaction ran"),
  (error) => error,
);
assert.equal(refusal.name, "UpstashError");
assert.match(refusal.message, /EXECABORT/);
assert.equal(await redis.get("multi:never"), null);

output({ count: await redis.get("multi:count") });
