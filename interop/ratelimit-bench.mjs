// Decisions per second of @upstash/ratelimit: `ratelimit-bench.mjs <milliseconds> <tasks>`.
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";

const [milliseconds, tasks] = process.argv.slice(2).map(Number);
const algorithms = {
  "fixed window": Ratelimit.fixedWindow(1e9, "1 d"),
  "sliding window": Ratelimit.slidingWindow(1e9, "1 d"),
  "token bucket": Ratelimit.tokenBucket(1e9, "1 d", 1e9),
};

async function measure(name, limiter, tasks) {
  const ratelimit = new Ratelimit({ redis: Redis.fromEnv(), limiter, prefix: `js:${name}`, analytics: false });
  const waits = [];
  const begun = performance.now();
  const one = async (task) => {
    for (let n = 0; performance.now() - begun < milliseconds; n++) {
      const asked = performance.now();
      const { success } = await ratelimit.limit(`${task}:${n % 100}`);
      if (!success) throw new Error("refused");
      waits.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: tasks }, (_, task) => one(task)));
  const rate = (waits.length * 1000) / (performance.now() - begun);
  waits.sort((a, b) => a - b);
  const at = (part) => Math.round(waits[Math.floor(waits.length * part)] * 1000);
  console.log(`${Math.round(rate)} ${at(0.5)} ${at(0.99)} ${name}, ${tasks === 1 ? "one after another" : `${tasks} tasks`}`);
}

for (const [name, limiter] of Object.entries(algorithms)) {
  await measure(name, limiter, 1);
  await measure(name, limiter, tasks);
}
