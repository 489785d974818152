// Calls per second of the official SDK: arguments are URL, token, milliseconds, dimension, records of a batch, and calls at
// once. Each line is a rate and a name.
import { Index } from "@upstash/vector";

const [url, token, ...numbers] = process.argv.slice(2);
const [slice, dimension, batch, most] = numbers.map(Number);
const index = new Index({ url, token, enableTelemetry: false });
const vector = () => Array.from({ length: dimension }, () => Math.fround(Math.random() - 0.5));
const records = Array.from({ length: batch }, (_, id) => ({ id: String(id), vector: vector() }));

async function rate(atOnce, call) {
  const begun = performance.now();
  let ended = 0;
  const worker = async () => {
    while (performance.now() - begun < slice) {
      await call();
      ended += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return (ended * 1000) / (performance.now() - begun);
}

await index.reset();
for (const atOnce of [1, most]) {
  const upserts = await rate(atOnce, () => index.upsert(records));
  console.log(`${upserts} upsert of ${batch} vectors, ${atOnce} at once`);
  const queries = await rate(atOnce, () => index.query({ vector: records[0].vector, topK: 10 }));
  console.log(`${queries} query, ${atOnce} at once`);
}
