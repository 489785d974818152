// Workflows of the official SDK behind a server of this process. One line comes out when it listens; `calls` answers how often
// the workflows were called, and sets that back.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createWorkflow, serve, serveMany } from "@upstash/workflow/cloudflare";
import { Client } from "@upstash/workflow";
import { output } from "./support.mjs";

let calls = 0;
let port;
const env = process.env;

const path = serve(async (context) => {
  const one = await context.run("one", () => `processed ${context.requestPayload.text}`);
  const two = await context.run("two", async () => `${one}, twice`);
  return { result: two, header: context.headers.get("x-shop") };
});

const order = serve(async (context) => {
  const sku = await context.run("reserve", () => 9);
  const [mail] = await Promise.all([context.run("mail", () => "sent"), context.sleep("pause", 1)]);
  const { status, body } = await context.call("charge", {
    url: `http://127.0.0.1:${port}/pays`,
    method: "POST",
    body: JSON.stringify({ n: "é" }),
  });
  return [sku, mail, status, body];
});

const waits = serve(async (context) => {
  const [one, two] = await Promise.all([
    context.waitForEvent("paid", "js-paid", { timeout: "30s" }),
    context.waitForEvent("late", "js-late", { timeout: "1s" }),
  ]);
  return [one.eventData, two.timeout];
});

const fails = serve(
  async (context) => {
    await context.run("charge", () => {
      throw new Error("no card");
    });
  },
  { failureFunction: ({ failStatus, failResponse }) => `${failStatus} ${failResponse}` },
);

const hooks = serve(async (context) => {
  const webhook = await context.createWebhook("webhook");
  const url = `${webhook.webhookUrl}?x=1`;
  await context.run("call", async () => (await fetch(url, { method: "POST", body: "hello" })).status);
  const { request, timeout } = await context.waitForWebhook("called", webhook, "30s");
  return [request.method, request.url === url, await request.text(), timeout];
});

// Beside workflows of another language: the id is the last part of the path.
const child = createWorkflow(async (context) => {
  const doubled = await context.run("double", () => context.requestPayload * 2);
  return doubled;
});
const parent = createWorkflow(async (context) => {
  const { body, isFailed } = await context.invoke("child", { workflow: { workflowId: "rust-child" }, body: context.requestPayload });
  return [body, isFailed];
});
const flows = serveMany({ "js-child": child, "js-parent": parent }, { baseUrl: env.FLOWS_URL });

const routes = { "/path": path, "/order": order, "/waits": waits, "/fails": fails, "/hooks": hooks };
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (request.url === "/pays") {
    response.setHeader("content-type", "application/json");
    return response.end(JSON.stringify({ id: 7, paid: JSON.parse(body).n }));
  }
  calls++;
  const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const handler = routes[request.url] ?? flows;
  const answer = await handler.fetch(
    new Request(`http://127.0.0.1:${port}${request.url}`, { method: request.method, headers, body: body.length ? body : undefined }),
    env,
  );
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => {
  port = server.address().port;
  output({ port });
});

const client = new Client({ baseUrl: env.QSTASH_URL, token: env.QSTASH_TOKEN });
for await (const line of createInterface({ input: process.stdin })) {
  const { trigger, notify } = JSON.parse(line);
  if (trigger) {
    output(await client.trigger(trigger));
  } else if (notify) {
    output((await client.notify(notify)).length);
  } else {
    output(calls);
    calls = 0;
  }
}
server.close();
