// Messages per second of @upstash/qstash: `qstash-bench.mjs <milliseconds> <tasks> <batch> <destination>`.
import { Client } from "@upstash/qstash";

const [milliseconds, tasks, batch] = process.argv.slice(2, 5).map(Number);
const url = process.argv[5];
const client = new Client({ baseUrl: process.env.QSTASH_URL, token: process.env.QSTASH_TOKEN });

async function measure(name, step) {
  const begun = performance.now();
  const messages = await step(() => performance.now() - begun < milliseconds);
  console.log(`${Math.round((messages * 1000) / (performance.now() - begun))} ${name}`);
}

async function publish(goesOn) {
  let messages = 0;
  for (; goesOn(); messages++) {
    const { messageId } = await client.publish({ url, body: "0123456789" });
    if (!messageId) throw new Error("not accepted");
  }
  return messages;
}

await measure("one after another", publish);
await measure(`${tasks} tasks`, async (goesOn) => {
  const counts = await Promise.all(Array.from({ length: tasks }, () => publish(goesOn)));
  return counts.reduce((sum, count) => sum + count, 0);
});
await measure(`batches of ${batch}`, async (goesOn) => {
  let messages = 0;
  while (goesOn()) {
    const items = Array.from({ length: batch }, () => ({ url, body: "0123456789" }));
    messages += (await client.batch(items)).length;
  }
  return messages;
});
