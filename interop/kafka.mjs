// The official SDK reads what our client has written, and writes what our client reads.
import assert from "node:assert/strict";
import { Kafka } from "@upstash/kafka";
import { input, output } from "./support.mjs";

const { partition } = await input();
const kafka = new Kafka({
  url: process.env.UPSTASH_KAFKA_REST_URL,
  username: process.env.UPSTASH_KAFKA_REST_USERNAME,
  password: process.env.UPSTASH_KAFKA_REST_PASSWORD,
});
const [producer, consumer, admin] = [kafka.producer(), kafka.consumer(), kafka.admin()];

const reader = { consumerGroupId: "sdk", instanceId: "1", topics: ["orders"], autoOffsetReset: "earliest", timeout: 5000 };
const [received] = await consumer.consume(reader);
assert.deepEqual(
  { ...received, timestamp: 0 },
  {
    topic: "orders",
    partition,
    offset: 0,
    timestamp: 0,
    key: "17",
    value: '{"order":"ü"}',
    headers: [{ key: "trace", value: "abc" }],
  },
);
await consumer.commit({ consumerGroupId: "sdk", instanceId: "1", offset: { topic: "orders", partition, offset: 1 } });
const [committed] = await admin.committedOffsets({
  consumerGroupId: "sdk",
  instanceId: "1",
  topicPartition: { topic: "orders", partition },
});

const one = await producer.produce("orders", { from: "sdk" }, { key: "17", headers: [{ key: "a", value: "b" }] });
const many = await producer.produceMany([
  { topic: "orders", value: "x", partition: 0 },
  { topic: "other", value: { y: 1 } },
]);
const [fetched] = await consumer.fetch({ topic: "other", partition: 0, offset: 0, timeout: 1000 });
const [latest] = await admin.topicPartitionOffsets({ timestamp: "latest", topicPartition: { topic: "orders", partition } });
output({ committed, one, many, fetched, latest, topics: await admin.topics(), consumers: await admin.consumers() });
