// A workflow of so many steps in the official SDK. One line comes out when its server listens.
import { createServer } from "node:http";
import { serve } from "@upstash/workflow/cloudflare";

const steps = Number(process.argv[2]);
const flow = serve(async (context) => {
  let sum = context.requestPayload;
  for (let step = 0; step < steps; step++) sum = await context.run("add", () => sum + 1);
  return sum;
});
const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const url = `http://${request.headers.host}${request.url}`;
  const answer = await flow.fetch(new Request(url, { method: "POST", headers, body: Buffer.concat(chunks) }), process.env);
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(await answer.text());
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on("data", () => {}).on("end", () => process.exit());
