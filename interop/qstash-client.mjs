// The official client against a local QStash, and the official receiver as the destination of its deliveries.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Client, Receiver } from "@upstash/qstash";
import { output } from "./support.mjs";

const client = new Client({ baseUrl: process.env.QSTASH_URL, token: process.env.QSTASH_TOKEN });
const receiver = new Receiver({
  currentSigningKey: process.env.QSTASH_CURRENT_SIGNING_KEY,
  nextSigningKey: process.env.QSTASH_NEXT_SIGNING_KEY,
});

const received = [];
let failures = 0;
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString("utf8");
  const url = `http://127.0.0.1:${server.address().port}${request.url}`;
  const verified = await receiver.verify({ signature: request.headers["upstash-signature"], body, url }).catch(() => false);
  received.push({ path: request.url, body, verified, headers: request.headers });
  response.statusCode = failures-- > 0 ? 500 : 200;
  response.end("answer");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const app = `http://127.0.0.1:${server.address().port}`;

const until = async (holds) => {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `it never came: ${holds}`);
    await new Promise((done) => setTimeout(done, 20));
  }
};
const at = (path) => received.filter((one) => one.path === path);

// A message that fails once, with its callback.
failures = 1;
const { messageId } = await client.publishJSON({
  url: `${app}/hook?x=1`, body: { order: 17 }, headers: { "x-mine": "1" }, retries: 2, retryDelay: "1", callback: `${app}/callback`, label: "receipts",
});
await until(() => at("/callback").length === 2);
assert.deepEqual(at("/hook?x=1").map((one) => one.headers["upstash-retried"]), ["0", "1"]);
assert.equal(at("/hook?x=1")[0].headers["x-mine"], "1");
assert.deepEqual(at("/callback").map((one) => JSON.parse(one.body).status), [500, 200]);
assert.ok(received.every((one) => one.verified));
const { logs } = await client.logs({ filter: { messageId } });
assert.deepEqual(logs.map((row) => row.state), ["DELIVERED", "ACTIVE", "RETRY", "ERROR", "ACTIVE", "CREATED"]);

// Messages that wait.
const waiting = await client.publish({ url: app, body: "later", delay: "1h", deduplicationId: "once" });
assert.equal((await client.publish({ url: app, delay: "1h", deduplicationId: "once" })).deduplicated, true);
assert.equal((await client.messages.get(waiting.messageId)).body, "later");
await client.messages.cancel(waiting.messageId);
await assert.rejects(client.messages.get(waiting.messageId), /not found/);

// URL groups, batches and queues.
await client.urlGroups.addEndpoints({ name: "group", endpoints: [{ name: "one", url: `${app}/1` }, { url: `${app}/2` }] });
assert.equal((await client.urlGroups.get("group")).endpoints.length, 2);
const queue = client.queue({ queueName: "queue" });
await queue.upsert({ parallelism: 1, paused: true });
const batch = await client.batchJSON([
  { urlGroup: "group", body: 1 },
  { url: `${app}/queued`, body: 2, queueName: "queue" },
  { url: `${app}/alone`, body: 3 },
]);
assert.equal(batch[0].length, 2);
await until(() => at("/1").length === 1 && at("/2").length === 1 && at("/alone").length === 1);
assert.equal((await queue.get()).lag, 1);
await queue.resume();
await until(() => at("/queued").length === 1);
await queue.delete();
await client.urlGroups.delete("group");

// Dead letters.
failures = 1;
await client.publish({ url: `${app}/dead`, body: "dead", retries: 0 });
let dead;
await until(async () => (dead = (await client.dlq.listMessages()).messages).length === 1);
assert.equal(dead[0].responseStatus, 500);
assert.equal((await client.dlq.retry(dead[0].dlqId)).responses.length, 1);
await until(() => at("/dead").length === 2);
assert.equal((await client.dlq.listMessages()).messages.length, 0);

// Schedules and flow control.
const { scheduleId } = await client.schedules.create({ destination: app, cron: "CRON_TZ=Europe/Berlin 0 9 * * 1", body: "tick" });
assert.equal((await client.schedules.get(scheduleId)).cron, "CRON_TZ=Europe/Berlin 0 9 * * 1");
await client.schedules.pause({ schedule: scheduleId });
assert.equal((await client.schedules.list())[0].isPaused, true);
await client.schedules.delete(scheduleId);
await client.publish({ url: `${app}/flow`, flowControl: { key: "key", parallelism: 2, rate: 5, period: "1m" } });
await client.flowControl.pin("key", { parallelism: 3 });
const info = await client.flowControl.get("key");
assert.deepEqual([info.parallelismMax, info.rateMax, info.ratePeriod, info.isPinnedParallelism], [3, 5, 60, true]);
await until(() => at("/flow").length === 1);

await assert.rejects(client.publish({ url: "nowhere" }), /invalid scheme/);

// The development mode finds the server by its port, and downloads nothing. It says so on stdout, where the test reads.
console.log = console.info = console.error;
const development = new Client({ devMode: true });
await development.publish({ url: `${app}/development`, body: "x" });
await until(() => at("/development").length === 1);
assert.ok(received.every((one) => one.verified));

server.close();
server.closeAllConnections();
output({ deliveries: received.length });
