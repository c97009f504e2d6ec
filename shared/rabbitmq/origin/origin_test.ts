import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { MessageProperties } from "amqplib";
import { contentType, messageType, timestampMsOf } from "../message.ts";
import { isPlain, plainProperties, propertiesToKeep } from "./origin.ts";

const nothing = { contentEncoding: undefined, priority: undefined, correlationId: undefined, replyTo: undefined };
const ours: MessageProperties = {
  ...{ contentType, type: messageType, messageId: "an id", appId: "publisher", timestamp: 1_719_576_000, headers: {} },
  ...{ ...nothing, expiration: undefined, userId: undefined, deliveryMode: 2, clusterId: undefined },
};

Deno.test("plainProperties() keeps what the properties of a plain message would, rebuilt from its delivery", () => {
  for (const changes of [{}, { headers: undefined }, { timestamp: undefined }, { appId: undefined }]) {
    const properties: MessageProperties = { ...ours, ...changes };
    strictEqual(isPlain(properties), true);
    const { messageId, headers = {}, appId, timestamp } = properties;
    const rebuilt = plainProperties({ messageId, headers, appId, timestampMs: timestampMsOf(timestamp) });
    const at = { exchange: "events", routingKey: "11" };
    deepStrictEqual(propertiesToKeep({ ...at, properties: rebuilt }), propertiesToKeep({ ...at, properties }));
  }
});

Deno.test("isPlain() refuses every property that a delivery does not hold besides", () => {
  const odd: Partial<MessageProperties>[] = [
    { headers: { campaign: 7 } },
    { contentType: "text/plain" },
    { contentType: undefined },
    { type: "another" },
    { contentEncoding: "gzip" },
    { priority: 0 },
    { correlationId: "c" },
    { replyTo: "r" },
    { expiration: "60000" },
    { userId: "guest" },
    // Milliseconds, which are read as such, and a time that no calendar has.
    { timestamp: 1_719_576_000_000 },
    { timestamp: -1 },
  ];
  for (const changes of odd) strictEqual(isPlain({ ...ours, ...changes }), false, JSON.stringify(changes));
});
