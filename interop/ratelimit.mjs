// A limiter that is told what to do line by line: {"limit": rate} or {"remaining": true}.
//
// It stays alive between the lines, so that Rust and JavaScript can take turns.
import { createInterface } from "node:readline";
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import { output, recordRequests } from "./support.mjs";

const { algorithm, limit, windowMs, prefix, identifier } = JSON.parse(process.env.LIMITER);
const window = `${windowMs} ms`;
const limiter = {
  fixedWindow: () => Ratelimit.fixedWindow(limit, window),
  slidingWindow: () => Ratelimit.slidingWindow(limit, window),
  tokenBucket: () => Ratelimit.tokenBucket(limit, window, limit),
}[algorithm]();

const requests = recordRequests();
const ratelimit = new Ratelimit({
  redis: Redis.fromEnv({ enableAutoPipelining: false }),
  limiter,
  prefix,
  // Every answer has to come from Redis.
  ephemeralCache: false,
  analytics: false,
  timeout: 0,
});

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const answer = order.remaining
    ? await ratelimit.getRemaining(identifier)
    : await ratelimit.limit(identifier, { rate: order.limit });
  const { success, limit, remaining, reset } = answer;
  // A script by its first line, a hash as it is.
  const commands = requests.splice(0).map(({ body: [name, script] }) => [name, script.split("\n")[0]]);
  output({ success, limit, remaining, reset, commands });
}
