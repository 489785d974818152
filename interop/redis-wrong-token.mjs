// A token that is not the server's: every form of request is refused, and nothing is written.
import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { output } from "./support.mjs";

const redis = new Redis({ url: process.env.UPSTASH_REDIS_REST_URL, token: "wrong", enableAutoPipelining: false });
const refusals = [];
for (const attempt of [
  () => redis.set("unauthorized", 1),
  () => redis.pipeline().set("unauthorized", 1).exec(),
  () => redis.multi().set("unauthorized", 1).exec(),
]) {
  const error = await attempt().then(
    () => assert.fail("the command ran"),
    (error) => error,
  );
  assert.equal(error.name, "UpstashError");
  refusals.push(error.message.split(",")[0]);
}
assert.deepEqual(new Set(refusals), new Set(["WRONGPASS invalid or missing auth token"]));
output({ refusals: refusals.length });
