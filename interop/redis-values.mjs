// Reads what Rust wrote, and writes values of every kind for Rust to read.
import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { input, output } from "./support.mjs";

const { responseEncoding, prefix, fromRust } = await input();
const redis = Redis.fromEnv({ responseEncoding });

for (const [name, expected] of Object.entries(fromRust)) {
  assert.deepEqual(await redis.get(`${prefix}:rust:${name}`), expected, name);
}

const values = {
  text: "hello",
  empty: "",
  ok: "OK",
  unicode: "zażółć gęślą jaźń, 日本語, 🦀",
  control: 'line\n"quoted" \\ \t\u0000 end',
  number: 42,
  negative: -7,
  fraction: 1.5,
  // Beyond what a JavaScript number holds: the SDK hands it back as text.
  big: "9007199254740993123",
  truth: true,
  object: { name: "Zoë", tags: ["a", "🦀"], nested: { n: 1, none: null } },
  list: [1, "two", { three: 3 }],
};
for (const [name, value] of Object.entries(values)) {
  const key = `${prefix}:js:${name}`;
  assert.equal(await redis.set(key, value), "OK");
  assert.deepEqual(await redis.get(key), value, name);
}

assert.equal(await redis.get(`${prefix}:missing`), null);
assert.deepEqual(await redis.mget(`${prefix}:js:text`, `${prefix}:missing`, `${prefix}:js:number`), ["hello", null, 42]);
assert.equal(await redis.set(`${prefix}:js:text`, "other", { nx: true }), null);
assert.equal(await redis.exists(`${prefix}:js:text`, `${prefix}:missing`), 1);

const hash = { name: "日本語", visits: 3, json: { a: 1 } };
assert.equal(await redis.hset(`${prefix}:js:hash`, hash), 3);
assert.deepEqual(await redis.hgetall(`${prefix}:js:hash`), hash);
assert.equal(await redis.hgetall(`${prefix}:missing`), null);
await redis.rpush(`${prefix}:js:queue`, "a", "ü", 3);
assert.deepEqual(await redis.lrange(`${prefix}:js:queue`, 0, -1), ["a", "ü", 3]);
await redis.zadd(`${prefix}:js:board`, { score: 1.5, member: "ann" }, { score: 2, member: "bob" });
assert.deepEqual(await redis.zrange(`${prefix}:js:board`, 0, -1, { withScores: true }), ["ann", 1.5, "bob", 2]);

output(values);
