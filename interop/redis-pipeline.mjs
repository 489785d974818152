// A pipeline in which one command fails: the others run, and the SDK can tell them apart.
import assert from "node:assert/strict";
import { Redis } from "@upstash/redis";
import { output } from "./support.mjs";

const redis = Redis.fromEnv();
const commands = () => {
  const pipeline = redis.pipeline();
  pipeline.set("pipeline:text", "not a number");
  pipeline.incr("pipeline:text");
  pipeline.incr("pipeline:count");
  pipeline.get("pipeline:missing");
  pipeline.set("pipeline:object", { crab: "🦀" });
  return pipeline;
};

const kept = await commands().exec({ keepErrors: true });
const refusal = "ERR value is not an integer or out of range";
assert.deepEqual(
  kept.map(({ result, error }) => (error === undefined ? result : { error })),
  ["OK", { error: refusal }, 1, null, "OK"],
);

await assert.rejects(commands().exec(), (error) => {
  assert.equal(error.name, "UpstashError");
  assert.equal(error.message, `Command 2 [ incr ] failed: ${refusal}`);
  return true;
});

output({ count: await redis.get("pipeline:count") });
