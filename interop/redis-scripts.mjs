// Scripts by text and by hash, with and without the key-locking line.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Redis } from "@upstash/redis";
import { output, recordRequests } from "./support.mjs";

const requests = recordRequests();
// One command a request, so that the record reads as the commands do.
const redis = Redis.fromEnv({ enableAutoPipelining: false });
const names = () => requests.splice(0).map(({ body }) => body[0]);
const sha1 = (text) => createHash("sha1").update(text).digest("hex");

const add = "return redis.call('INCRBY', KEYS[1], ARGV[1])";
assert.equal(await redis.eval(add, ["scripts:count"], [2]), 2);
assert.equal(await redis.evalsha(sha1(add), ["scripts:count"], [3]), 5);
await assert.rejects(redis.evalsha(sha1("never sent"), [], []), /NOSCRIPT/);

const echo = "return {KEYS[1], ARGV[1], 7, false}";
assert.equal(await redis.scriptLoad(echo), sha1(echo));
assert.deepEqual(await redis.scriptExists(sha1(echo), sha1("never sent")), [1, 0]);
assert.deepEqual(await redis.evalsha(sha1(echo), ["k"], ["日本語"]), ["k", "日本語", 7, null]);
assert.deepEqual(await redis.evalRo(echo, ["k"], ["v"]), ["k", "v", 7, null]);
await assert.rejects(redis.eval("return nosuch.field", [], []), /nosuch/);

for (const source of [
  "return redis.call('APPEND', KEYS[1], ARGV[1])",
  "#!lua flags=allow-key-locking\nreturn redis.call('APPEND', KEYS[1], ARGV[1])",
]) {
  await redis.del("scripts:text");
  names();
  const script = redis.createScript(source);
  assert.equal(await script.exec(["scripts:text"], ["ab"]), 2);
  assert.equal(await script.exec(["scripts:text"], ["cd"]), 4);
  assert.deepEqual(names(), ["evalsha", "eval", "evalsha"]);
}

const reading = redis.createScript("return redis.call('GET', KEYS[1])", { readonly: true });
assert.equal(await reading.exec(["scripts:text"], []), "abcd");

output({ count: await redis.get("scripts:count"), text: await redis.get("scripts:text") });
