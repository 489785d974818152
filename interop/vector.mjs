// The official SDK on an index that our client has written, and records for our client to read. The variables name a dense
// index with a model at the root; hybrid ones are beside it.
import assert from "node:assert/strict";
import { FusionAlgorithm, Index, QueryMode, WeightingStrategy } from "@upstash/vector";
import { input, output } from "./support.mjs";

const { written } = await input();
const index = new Index();
const url = process.env.UPSTASH_VECTOR_REST_URL;
const token = process.env.UPSTASH_VECTOR_REST_TOKEN;
const hybrid = new Index({ url: `${url}/hybrid-2`, token });

// Written by us, read by the SDK.
const everything = { includeVectors: true, includeMetadata: true, includeData: true };
const [read] = await index.fetch([written.id], everything);
assert.deepEqual(read, written);
const [found] = await index.query({ vector: written.vector, topK: 1, filter: "year = 2024 AND it GLOB \"it's*\"", ...everything });
assert.deepEqual(found, { ...written, score: 1 });
const [byText] = await index.query({ data: "the capital of Japan", topK: 1, includeData: true });
assert.equal(byText.data, "Tokyo is the capital of Japan");
const [sparse] = await hybrid.namespace("ns").fetch(["h"], { includeVectors: true });
assert.deepEqual(sparse, { id: "h", vector: [0.5, 0.25], sparseVector: { indices: [1, 7], values: [0.1, 0.2] } });
const namespaces = await hybrid.listNamespaces();
assert.deepEqual(namespaces, ["", "ns"]);

// Written by the SDK, read by us.
await index.upsert([{ id: "sdk-1", data: "Paris is the capital of France", metadata: { year: 1999, tags: ["a", "it's"] } }]);
await index.upsert({ id: "sdk-2", vector: written.vector.map((number) => -number), metadata: { nested: { deep: null } } });
await index.update({ id: "sdk-2", metadata: { added: 0.1 }, metadataUpdateMode: "PATCH" });
await hybrid.upsert({ id: "sdk-3", vector: [0.3, 0.4], sparseVector: { indices: [7, 2], values: [0.4, 0.3] } }, { namespace: "ns" });
const page = await index.range({ cursor: 0, limit: 1, prefix: "sdk-" });

// What both ask for, and what the SDK gets.
const queries = [
  { data: "the capital of France", topK: 3 },
  { data: "Japan", topK: 2, filter: "year != 1999" },
];
const results = await index.queryMany(queries);
const single = await index.queryMany([queries[0]]);
const resumable = await index.resumableQuery({ vector: written.vector, topK: 1, maxIdle: 60 });
const pages = [resumable.result, await resumable.fetchNext(1), await resumable.fetchNext(5)];
await resumable.stop();
const fused = await hybrid.namespace("ns").query({
  vector: [0.3, 0.4],
  sparseVector: { indices: [7], values: [1] },
  topK: 5,
  fusionAlgorithm: FusionAlgorithm.DBSF,
  weightingStrategy: WeightingStrategy.IDF,
});
const words = new Index({ url: `${url}/hybrid-embed`, token });
await words.upsert({ id: "w", data: "words that are found" });
const byWords = await words.query({ data: "a found word", topK: 1, queryMode: QueryMode.SPARSE });
const info = await index.info();
output({ cursor: page.nextCursor, results, single, pages, fused, byWords, count: info.vectorCount });
