// Documents under JSON.*, some written by Rust before, the others read by it afterwards.
import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { output } from "./support.mjs";

const redis = Redis.fromEnv();

assert.deepEqual(await redis.json.get("json:rust", "$.name"), ["Zoë 🦀"]);
assert.deepEqual(await redis.json.numincrby("json:rust", "$.visits", 2), [5]);

const shop = { name: "shop", open: true, items: [{ sku: "a", price: 1.5 }, { sku: "b", price: 20 }], owner: null };
assert.equal(await redis.json.set("json:js", "$", shop), "OK");
assert.deepEqual(await redis.json.get("json:js"), shop);
assert.deepEqual(await redis.json.get("json:js", "$.items[?(@.price > 10)].sku"), ["b"]);
assert.equal(await redis.json.set("json:js", "$.name", '"other"', { nx: true }), null);
assert.deepEqual(await redis.json.arrappend("json:js", "$.items", { sku: "c", price: 3 }), [3]);
assert.deepEqual(await redis.json.arrlen("json:js", "$.items"), [3]);
assert.deepEqual(await redis.json.objkeys("json:js", "$"), [["name", "open", "items", "owner"]]);
assert.deepEqual(await redis.json.type("json:js", "$.*"), ["string", "boolean", "array", null]);
assert.deepEqual(await redis.json.toggle("json:js", "$.open"), [0]);
assert.equal(await redis.json.merge("json:js", "$", { owner: "ann", open: null }), "OK");
assert.deepEqual(await redis.json.mget(["json:js", "json:none"], "$.owner"), [["ann"], null]);

// All at once, and in a transaction.
const counts = await Promise.all(Array.from({ length: 20 }, () => redis.json.numincrby("json:js", "$.items[0].price", 1)));
assert.equal(new Set(counts.map(([count]) => count)).size, 20);
const [set, got] = await redis.multi().json.set("json:multi", "$", [1]).json.get("json:multi", "$[0]").exec();
assert.deepEqual([set, got], ["OK", [1]]);

output(await redis.json.get("json:js"));
