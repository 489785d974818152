// Commands per second of @upstash/redis: `redis-bench.mjs <milliseconds> <tasks> <batch>`.
import { Redis } from "@upstash/redis";

const [milliseconds, tasks, batch] = process.argv.slice(2).map(Number);
const redis = Redis.fromEnv({ automaticDeserialization: false });

async function measure(name, step) {
  const begun = performance.now();
  let commands = 0;
  while (performance.now() - begun < milliseconds) commands += await step();
  console.log(`${Math.round((commands * 1000) / (performance.now() - begun))} ${name}`);
}

async function pair(key) {
  await redis.set(key, "0123456789");
  const value = await redis.get(key);
  if (value !== "0123456789") throw new Error(`read ${value}`);
  return 2;
}

await measure("one after another", () => pair("sdk"));
await measure(`pipelines of ${batch}`, async () => {
  const pipe = redis.pipeline();
  for (let n = 0; n < batch / 2; n++) pipe.set("sdk", "0123456789").get("sdk");
  await pipe.exec();
  return batch;
});
{
  const begun = performance.now();
  const one = async (task) => {
    let commands = 0;
    while (performance.now() - begun < milliseconds) commands += await pair(`sdk:${task}`);
    return commands;
  };
  const counts = await Promise.all(Array.from({ length: tasks }, (_, task) => one(task)));
  const commands = counts.reduce((sum, count) => sum + count, 0);
  console.log(`${Math.round((commands * 1000) / (performance.now() - begun))} ${tasks} tasks`);
}
