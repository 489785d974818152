// What services in both languages share beside the counts: dynamic limits, deny lists, analytics. One order in each line.
import { createInterface } from "node:readline";
import { Analytics, IpDenyList, Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import { output } from "./support.mjs";

const { prefix } = JSON.parse(process.env.SETTINGS);
const redis = Redis.fromEnv({ enableAutoPipelining: false });
const ratelimit = new Ratelimit({
  redis,
  limiter: Ratelimit.fixedWindow(100, "1 d"),
  prefix,
  ephemeralCache: false,
  timeout: 0,
  analytics: true,
  dynamicLimits: true,
  enableProtection: true,
});
const analytics = new Analytics({ redis, prefix });

// The public list of addresses, without the public.
const send = globalThis.fetch;
globalThis.fetch = async (url, options) =>
  `${url}`.startsWith("https://raw.githubusercontent.com/") ? new Response("192.0.2.66\n192.0.2.67\n") : send(url, options);

const orders = {
  async limit({ identifier, ip }) {
    const { success, limit, reason, deniedValue, pending } = await ratelimit.limit(identifier, { ip });
    await pending;
    return { success, limit, reason, deniedValue };
  },
  setDynamic: ({ limit }) => ratelimit.setDynamicLimit({ limit }),
  getDynamic: () => ratelimit.getDynamicLimit(),
  updateIpList: () => IpDenyList.updateIpDenyList(redis, prefix, 6),
  disableIpList: () => IpDenyList.disableIpDenyList(redis, prefix),
  usage: () => analytics.getUsage(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  output((await orders[order.do](order)) ?? null);
}
