// The latency of @upstash/redis when commands come at random moments:
// `redis-open-bench.mjs <milliseconds> <round trip in ms> <commands per second>,...`.
import { Redis } from "@upstash/redis";

const [milliseconds, roundTrip, rates] = process.argv.slice(2);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function measure(redis, name, rate) {
  for (let n = 0; n < 5; n++) await redis.get("k");
  const latencies = [];
  const running = [];
  const begun = performance.now();
  let due = 0;
  for (let n = 0; ; n++) {
    due += (-Math.log(1 - Math.random()) / rate) * 1000;
    if (due > Number(milliseconds)) break;
    const ahead = begun + due - performance.now();
    if (ahead > 1) await sleep(ahead - 1);
    while (performance.now() < begun + due) await new Promise(setImmediate);
    const moment = begun + due;
    const key = `bench:${(n >> 1) % 64}`;
    const call = n % 2 ? redis.get(key) : redis.set(key, "0123456789");
    running.push(call.then(() => latencies.push(performance.now() - moment)));
  }
  await Promise.all(running);
  latencies.sort((a, b) => a - b);
  const at = (part) => latencies[Math.floor((latencies.length - 1) * part)];
  const mean = latencies.reduce((sum, value) => sum + value, 0) / latencies.length;
  const ratio = (value) => (Number(roundTrip) ? (value / Number(roundTrip)).toFixed(2) : "-");
  const cell = (value, width) => String(value).padStart(width);
  console.log(
    `${cell(roundTrip, 7)} ms | ${cell(Math.round((latencies.length * 1000) / milliseconds), 8)}/s | ` +
      `${cell(mean.toFixed(2), 8)} ${cell(at(0.5).toFixed(2), 8)} ${cell(at(0.99).toFixed(2), 8)} | ` +
      `${cell(ratio(mean), 5)} ${cell(ratio(at(0.99)), 5)} |   - | @upstash/redis on node, ${name}, ${rate}/s`,
  );
}

for (const [name, enableAutoPipelining] of [["automatic pipelining", true], ["a request each", false]]) {
  for (const rate of rates.split(",").map(Number)) {
    await measure(Redis.fromEnv({ enableAutoPipelining }), name, rate);
  }
}
