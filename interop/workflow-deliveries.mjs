// The workflows of tests/interop/workflow_deliveries.rs in the official SDK, whose requests go to the address in QSTASH_URL.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createWorkflow, serveMany } from "@upstash/workflow/cloudflare";
import { Client, WorkflowNonRetryableError, WorkflowRetryAfterError } from "@upstash/workflow";
import { output } from "./support.mjs";

const env = process.env;
const flows = {
  steps: async (context) => {
    const one = await context.run("one", () => ({ a: context.requestPayload.n }));
    const two = await context.run("two", () => `${one.a}é`);
    return { two };
  },
  sleeps: async (context) => {
    await context.sleep("pause", 90);
    await context.sleepUntil("until", 2_000_000_000);
  },
  group: async (context) => {
    const [, , event, called] = await Promise.all([
      context.run("run", () => null),
      context.sleep("pause", 123),
      context.waitForEvent("wait", "paid", { timeout: 300 }),
      context.call("call", { url: "https://other.example/x", method: "GET" }),
    ]);
    const end = await context.run("end", () => [event.eventData, called.status]);
    return end;
  },
  later: async (context) => {
    await context.run("one", () => 1);
    const [a, b] = await Promise.all([context.run("a", () => "A"), context.sleepUntil("b", 2_000_000_000)]);
    return await context.run("end", () => a);
  },
  call: async (context) => {
    await context.call("call", {
      url: "https://other.example/x?y=1",
      method: "PATCH",
      body: JSON.stringify(context.requestPayload),
      headers: { "x-one": "1", "content-type": "text/plain" },
      retries: 4,
      retryDelay: "2000",
      timeout: "10s",
      flowControl: { key: "key", parallelism: 6, rate: 5, period: 30 },
    });
  },
  get: async (context) => (await context.call("get", { url: "https://other.example/x" })).status,
  workflow: async (context) => {
    await context.call("call", { workflow: { workflowId: "steps" }, body: { n: 1 } });
  },
  wait: async (context) => {
    const { eventData, timeout } = await context.waitForEvent("wait", "paid", { timeout: 600 });
    return [eventData ?? null, timeout];
  },
  notify: async (context) => (await context.notify("notify", "paid", { amount: 5 })).notifyResponse.length,
  invoke: async (context) => {
    const { body, isFailed, isCanceled } = await context.invoke("child", {
      workflow: { workflowId: "steps" },
      body: { n: 42 },
      workflowRunId: "child",
      label: "a",
      retries: 2,
      flowControl: { key: "key", parallelism: 4 },
    });
    return [body ?? null, isFailed, isCanceled];
  },
  webhook: async (context) => {
    const webhook = await context.createWebhook("create");
    const { request } = await context.waitForWebhook("wait", webhook, "60s");
    return [request.method, request.url, await request.text()];
  },
  cancel: async (context) => {
    await context.run("one", () => 1);
    await context.cancel();
  },
  fails: async (context) => {
    await context.run("fails", () => {
      const how = context.requestPayload;
      if (how === "now") throw new WorkflowNonRetryableError("no card");
      if (how === "later") throw new WorkflowRetryAfterError("busy", 5);
      throw new Error("no");
    });
  },
  nothing: async () => {},
};
const options = {
  receiver: undefined,
  baseUrl: "https://a.example",
  disableTelemetry: true,
};
const failureFunction = ({ failStatus, failResponse }) => `${failStatus} ${failResponse}`;
const workflows = Object.fromEntries(
  Object.entries(flows).map(([id, flow]) => [id, createWorkflow(flow, id === "fails" ? { failureFunction } : {})]),
);
const many = serveMany(workflows, options);
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const headers = new Headers(Object.entries(request.headers).map(([name, it]) => [name, String(it)]));
  const url = `http://127.0.0.1${request.url}`;
  const answer = await many.fetch(new Request(url, { method: request.method, headers, body: body.length ? body : undefined }), env);
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => output({ port: server.address().port }));
// What a client triggers.
const client = new Client({ baseUrl: env.QSTASH_URL, token: env.QSTASH_TOKEN });
for await (const line of createInterface({ input: process.stdin })) output(await client.trigger(JSON.parse(line)));
server.close();
