// Subscribes, publishes and says what came, as it is told line by line.
import { createInterface } from "node:readline";
import { Redis } from "@upstash/redis";
import { output } from "./support.mjs";

const redis = Redis.fromEnv();
const messages = [];
let wake = () => {};

function keep(message) {
  messages.push(message);
  wake();
}

const orders = {
  subscribe: (channel) =>
    new Promise((resolve) => {
      const subscriber = redis.subscribe([channel]);
      subscriber.on("message", ({ channel, message }) => keep({ channel, message }));
      subscriber.on("subscribe", (count) => resolve(count));
    }),
  psubscribe: (pattern) =>
    new Promise((resolve) => {
      const subscriber = redis.psubscribe([pattern]);
      subscriber.on("pmessage", ({ pattern, channel, message }) => keep({ pattern, channel, message }));
      subscriber.on("psubscribe", (count) => resolve(count));
    }),
  publish: ([channel, message]) => redis.publish(channel, message),
  messages: async (count) => {
    while (messages.length < count) await new Promise((resolve) => (wake = resolve));
    return messages.splice(0, count);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [[order, argument]] = Object.entries(JSON.parse(line));
  output(await orders[order](argument));
}
process.exit(0);
