// The workflows that tests/interop/workflow_routes.rs has in Rust, in the official SDK. One line comes out when the server
// listens; each line that comes in is answered with the number of calls, and sets that back.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { createWorkflow, serveMany } from "@upstash/workflow/cloudflare";
import { Client, WorkflowNonRetryableError } from "@upstash/workflow";
import { output } from "./support.mjs";

const env = process.env;
const client = new Client({ baseUrl: env.QSTASH_URL, token: env.QSTASH_TOKEN });
const services = env.SERVICES_URL;
let calls = 0;
let port;

const value = (context, name, it) => context.run(name, () => it);
const soon = { timeout: "10s" };

const path = createWorkflow(async (context) => {
  const one = await value(context, "one", `processed ${context.requestPayload}`);
  const two = await context.run("two", async () => `${one}, twice`);
  const three = await value(context, "three", true);
  return [two, three, context.headers.get("x-shop")];
});

const sleep = createWorkflow(async (context) => {
  await value(context, "one", 1);
  await context.sleepUntil("until", Date.now() / 1000 + 3);
  await value(context, "two", 2);
  await context.sleep("for", 2);
  return await value(context, "three", 3);
});

const retries = createWorkflow(async (context) => {
  for (let tries = 1; ; tries++) {
    if (await value(context, "attempt", tries === 3)) break;
    await context.sleep("pause", 2);
  }
  const all = [value(context, "update", 1), value(context, "send", 2), context.sleep("pause", 5)];
  return (await Promise.all(all)).slice(0, 2);
});

const guarded = createWorkflow(async (context) => {
  if (context.headers.get("x-key") !== "right") return;
  await value(context, "one", 1);
  return await value(context, "two", 2);
});

const fails = createWorkflow(
  async (context) => {
    await context.run("charge", () => {
      throw context.requestPayload === "at once" ? new WorkflowNonRetryableError("no card") : new Error("no card");
    });
  },
  { failureFunction: ({ failStatus, failResponse }) => `${failStatus} ${failResponse}` },
);

const call = createWorkflow(async (context) => {
  const url = `${services}/service`;
  const results = [];
  results.push((await context.call("post", { url, method: "POST", body: "posted" })).body);
  await context.sleep("pause", 2);
  results.push((await context.call("get", { url, method: "GET" })).header["X-Service"][0]);
  results.push((await context.call("patch", { url, method: "PATCH", retries: 1, retryDelay: "1000" })).status);
  results.push((await context.call("put", { url, method: "PUT", retries: 0 })).body);
  results.push((await context.call("delete", { url, method: "DELETE", retries: 0 })).body);
  return results;
});

const callFails = createWorkflow(
  async (context) => (await context.call("patch", { url: `${services}/service`, method: "PATCH" })).status,
  { failureFunction: () => "never" },
);

const notifier = createWorkflow(async (context) => {
  for (const [name, data] of [["text", "text"], ["object", { with: 1 }]]) {
    await context.sleep(`before ${name}`, 1);
    await context.notify(`notify ${name}`, `${context.requestPayload}-${name}`, data);
  }
  await value(context, "end", 1);
});

const waits = createWorkflow(async (context) => {
  const id = context.requestPayload;
  const never = await context.waitForEvent("never", `${id}-never`, { timeout: "1s" });
  await value(context, "config", 1);
  const start = (url) => ({ url, method: "POST", body: id });
  const [, sdk] = await Promise.all([
    context.call("start", start(`${services}/notify`)),
    context.waitForEvent("sdk", `${id}-sdk`, soon),
  ]);
  const [, text] = await Promise.all([
    context.call("start", { workflow: notifier, body: id }),
    context.waitForEvent("text", `${id}-text`, soon),
  ]);
  const object = await context.waitForEvent("object", `${id}-object`, soon);
  await context.sleep("pause", 1);
  await value(context, "check", 1);
  return [never.timeout, sdk.eventData, text.eventData, object.eventData];
});

const webhook = createWorkflow(async (context) => {
  const unused = await context.createWebhook("unused");
  const never = await context.waitForWebhook("never", unused, "1s");
  const used = await context.createWebhook("used");
  const body = JSON.stringify({ url: used.webhookUrl });
  const { status } = await context.call("call", { url: `${services}/hook`, method: "POST", body });
  const { request, timeout } = await context.waitForWebhook("called", used, 30);
  await value(context, "end", 1);
  return [never.timeout, status, timeout, request.url === used.webhookUrl, await request.text()];
});

const branchOne = createWorkflow(async (context) => {
  const never = await context.waitForEvent("never", `${context.requestPayload}-never`, { timeout: "1s" });
  const told = await context.waitForEvent("told", `${context.requestPayload}-told`, { timeout: "20s" });
  await context.sleep("pause", 1);
  return [never.timeout, told.eventData];
});
const branchTwo = createWorkflow(async (context) => {
  const { body } = await context.call("call", { url: `${services}/depth`, method: "GET" });
  await context.sleep("pause", 5);
  const { notifyResponse } = await context.notify("tell", `${context.requestPayload}-told`, "data");
  await context.sleep("check", 1);
  return [body, notifyResponse.length];
});
const two = createWorkflow(async (context) => {
  await value(context, "one", 1);
  await value(context, "two", 2);
  const invoked = [branchOne, branchTwo].map((workflow, at) =>
    context.invoke(`branch ${at}`, { workflow, body: context.requestPayload }),
  );
  return [context.label, ...(await Promise.all(invoked)).map(({ body }) => body)];
});
const three = createWorkflow(async () => {
  throw new Error("what");
});
const four = createWorkflow(async (context) => await value(context, "one", 1));
const invokes = createWorkflow(async (context) => {
  await value(context, "one", 1);
  const first = await context.invoke("two", { workflow: two, body: context.requestPayload, label: "label" });
  await context.call("four", { workflow: four, body: "x" });
  const failed = await context.invoke("three", { workflow: three, body: "x", retries: 0 });
  await value(context, "two", 2);
  await context.sleep("pause", 3);
  return [first.body, failed.isFailed, failed.body ?? null];
});

const late = createWorkflow(async (context) => {
  await context.sleep("pause", 3);
  return await value(context, "one", 1);
});
const failing = createWorkflow(
  async (context) => {
    await Promise.all([
      context.invoke("late", { workflow: late, body: "x" }),
      context.run("fails", () => {
        throw new WorkflowNonRetryableError("no");
      }),
    ]);
  },
);
const parent = createWorkflow(async (context) => {
  await value(context, "one", 1);
  const { isFailed } = await context.invoke("failing", { workflow: failing, body: "x", workflowRunId: context.requestPayload });
  await value(context, "two", 2);
  return isFailed;
});

const foreign = createWorkflow(async (context) => {
  const { workflowRunId } = await context.run("trigger", () => client.trigger({ url: `${services}/foreign`, body: "x" }));
  await context.sleep("pause", 5);
  const { runs } = await context.run("logs", () => client.logs({ workflowRunId }));
  return [runs[0].workflowState, runs[0].steps[1].type, runs[0].steps[1].steps[0].errors.length];
});

const huge = (context) => context.call("huge", { url: `${services}/service`, method: "GET", retries: 1_000_000 });
const quotaOne = createWorkflow(async (context) => huge(context));
const quotaTwo = createWorkflow(async (context) =>
  Promise.all([context.call("normal", { url: `${services}/service`, method: "GET" }), huge(context)]),
);
const quota = createWorkflow(async (context) => {
  const started = [quotaOne, quotaTwo].map((workflow, at) => context.call(`start ${at}`, { workflow, body: "x" }));
  const ids = (await Promise.all(started)).map(({ body }) => body.workflowRunId);
  await context.sleep("pause", 5);
  const states = [];
  for (const [at, workflowRunId] of ids.entries()) {
    const logs = await context.run(`logs ${at}`, () => client.logs({ workflowRunId }));
    states.push(logs.runs[0].workflowState);
  }
  return states;
});

// Requests that seem to be of the protocol.
const custom = createWorkflow(async (context) => {
  const url = `http://127.0.0.1:${port}/flows/target`;
  const statuses = [];
  for (const header of ["Upstash-Workflow-Is-Failure", "Upstash-Workflow-Callback", "X-Other"]) {
    const { status } = await context.call(header, { url, method: "POST", body: "{}", headers: { [header]: "true" } });
    statuses.push(status >= 400);
  }
  return statuses;
});
const target = createWorkflow(async () => {}, { failureFunction: () => "never" });

const runAndSleep = createWorkflow(async (context) => {
  await value(context, "one", 1);
  await context.sleep("pause", 1);
});
const callOne = createWorkflow(async (context) => {
  await context.call("call", { url: `${services}/service`, method: "GET" });
});
const waitOne = createWorkflow(async (context) => {
  await context.waitForEvent("never", `${context.requestPayload}-never`, { timeout: "1s" });
});
const children = createWorkflow(async (context) => {
  for (const [name, workflow] of Object.entries({ runAndSleep, callOne, waitOne })) {
    await context.invoke(name, { workflow, body: context.requestPayload });
    await value(context, `check ${name}`, 1);
  }
});

const hooked = createWorkflow(async (context) => {
  await value(context, "one", 1);
  const { url } = context.requestPayload;
  await context.run("call", async () => (await fetch(url, { method: "POST", body: "done" })).status);
});
const fetches = createWorkflow(async (context) => {
  const hook = await context.createWebhook("hook");
  const trigger = async (url, headers) => {
    const request = { method: "POST", headers: { authorization: `Bearer ${env.QSTASH_TOKEN}`, ...headers } };
    request.body = JSON.stringify({ url: hook.webhookUrl });
    const answer = await fetch(`${env.QSTASH_URL}/v2/trigger/${url}`, request);
    return (await answer.json()).workflowRunId;
  };
  const own = `http://127.0.0.1:${port}/flows/hooked`;
  await context.run("trigger", () => trigger(own, { "upstash-workflow-unknown-sdk": "true" }));
  await context.run("trigger", () => trigger(own, {}));
  const workflowRunId = await context.run("foreign", () => trigger(`${services}/foreign`, {}));
  const heard = [];
  for (const name of ["first", "second"]) {
    const { request } = await context.waitForWebhook(name, hook, "30s");
    heard.push(await request.text());
  }
  const logs = await context.run("logs", () => client.logs({ workflowRunId }));
  await context.sleep("pause", 2);
  return [...heard, logs.runs[0].workflowState];
});

const flows = serveMany({
  custom, target, children, runAndSleep, callOne, waitOne, fetches, hooked,
  path, sleep, retries, guarded, fails, call, "call-fails": callFails, notifier, waits, webhook,
  invokes, two, three, four, "branch-one": branchOne, "branch-two": branchTwo,
  parent, failing, late, foreign, quota, "quota-one": quotaOne, "quota-two": quotaTwo,
});
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  // Those are no workflows of the count.
  if (!["notifier", "target"].includes(request.url.split("/").pop())) calls++;
  const headers = new Headers(Object.entries(request.headers).map(([name, it]) => [name, String(it)]));
  const url = `http://127.0.0.1:${port}${request.url}`;
  const answer = await flows.fetch(new Request(url, { method: request.method, headers, body: body.length ? body : undefined }), env);
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
});
server.listen(0, "127.0.0.1", () => {
  port = server.address().port;
  output({ port });
});
for await (const _ of createInterface({ input: process.stdin })) {
  output(calls);
  calls = 0;
}
server.close();
