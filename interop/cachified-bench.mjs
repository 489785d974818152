// Values in Redis per second through @epic-web/cachified: `cachified-bench.mjs <milliseconds> <tasks> <keys>`.
import { cachified } from "@epic-web/cachified";
import { Redis } from "@upstash/redis";

const [milliseconds, tasks, keys] = process.argv.slice(2).map(Number);
const redis = Redis.fromEnv();
// As its documentation wires a Redis.
const cache = {
  name: "upstash",
  get: (key) => redis.get(key),
  set: (key, value) => redis.set(key, value, { px: 3_600_000 }),
  delete: (key) => redis.del(key),
};
const value = (key) => cachified({ key: `cachified:${key}`, cache, ttl: 3_600_000, getFreshValue: () => `value ${key}` });

await Promise.all(Array.from({ length: keys }, (_, key) => value(key)));
for (const count of [1, tasks]) {
  const begun = performance.now();
  const one = async (task) => {
    let read = 0;
    for (let key = task * 17; performance.now() - begun < milliseconds; read++) {
      key = (key + 1) % keys;
      const found = await value(key);
      if (!found.startsWith("value")) throw new Error(`read ${found}`);
    }
    return read;
  };
  const counts = await Promise.all(Array.from({ length: count }, (_, task) => one(task)));
  const read = counts.reduce((sum, one) => sum + one, 0);
  console.log(`${Math.round((read * 1000) / (performance.now() - begun))} ${count} at once`);
}
