/** Compares plain deliveries with amqplib's reading of the same bytes; amqplib itself must not be affected. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { connect } from "amqplib";
import fc from "fast-check";
import { framesOf, heartbeat, serveOnce, type WireMessage } from "../../../tests/fixtures/amqp_server.ts";
import { readPlainDeliveries } from "../../runtime/deno_workarounds/amqp_plain_deliveries.ts";
import { type AmqpDelivery, ReadDelivery, UnreadDelivery } from "./amqp_delivery.ts";
import { contentType, messageType } from "../message.ts";

const life = { ended: false };

const plain = { consumerTags: ["consumer", "consumer.1", "con"], contentType, type: messageType };
const shortText = fc.oneof(fc.constant(""), fc.string({ unit: "grapheme", maxLength: 20 }));
const mostly = <T>(value: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 30, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other });
const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 30, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });

const anyProperties = fc.record({
  contentType: mostly<string | undefined>(contentType, fc.option(shortText, { nil: undefined })),
  contentEncoding: seldom(shortText),
  headers: fc.oneof(fc.constantFrom(undefined, {}), seldom(fc.dictionary(shortText, shortText, { maxKeys: 2 }))),
  deliveryMode: fc.constantFrom(undefined, 1, 2),
  priority: seldom(fc.nat(255)),
  correlationId: seldom(shortText),
  replyTo: seldom(shortText),
  expiration: seldom(shortText),
  messageId: fc.oneof(
    { weight: 30, arbitrary: fc.uuid() },
    fc.uuid().map((id) => id.toUpperCase()),
    fc.uuid().map((id) => id.replace("-", "0")),
    fc.constantFrom(undefined, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    shortText,
  ),
  timestamp: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(undefined, 1_719_576_000n, 0n) },
    fc.constantFrom(99_999_999_999n, 100_000_000_000n, 1_719_576_000_000n, 2n ** 53n + 1n, 2n ** 64n - 1n),
  ),
  type: mostly<string | undefined>(messageType, fc.option(shortText, { nil: undefined })),
  userId: seldom(shortText),
  appId: fc.option(shortText, { nil: undefined }),
});

const anyMessage: fc.Arbitrary<Omit<WireMessage, "tag">> = fc.record({
  channel: mostly(1, fc.constant(2)),
  consumerTag: fc.constantFrom(...plain.consumerTags),
  redelivered: fc.boolean(),
  exchange: shortText,
  routingKey: shortText,
  properties: anyProperties,
  body: fc.uint8Array({ maxLength: 100 }),
  bodyFrameBytes: mostly(1_000, fc.integer({ min: 1, max: 100 })),
});

const anyStream = fc.record({
  messages: fc.array(fc.tuple(anyMessage, seldom(fc.constant(heartbeat))), { minLength: 1, maxLength: 20 }),
  /** Where the bytes are cut into chunks, as fractions of the total. */
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  /** A corrupted byte: the frame as a fraction of all frames, the offset from the frame's end, the flipped bits. */
  damage: fc.option(
    fc.tuple(
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.oneof(fc.constant(0), fc.nat(120)),
      fc.integer({ min: 1, max: 255 }),
    ),
    { nil: undefined },
  ),
});

function chunksOf({ messages, cuts, damage }: typeof anyStream extends fc.Arbitrary<infer Stream> ? Stream : never) {
  const frames = messages.flatMap(([message, between], i) => [
    ...framesOf({ ...message, tag: BigInt(i + 1) }),
    ...(between ? [between] : []),
  ]);
  if (damage) {
    const [share, fromEnd, bits] = damage;
    const frame = frames[Math.floor(share * frames.length)]!;
    frame[Math.max(0, frame.length - 1 - fromEnd)]! ^= bits;
  }
  const bytes = new Uint8Array(frames.flatMap((frame) => [...frame]));
  const places = [0, ...cuts.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

interface Seen {
  readonly deliveries: unknown[];
  readonly unread: number;
  readonly error: string | undefined;
}

/** Returns what a client reads from the chunks: amqplib alone, or with our reader before it. */
async function seenBy(chunks: readonly Uint8Array[], withOurs: boolean): Promise<Seen> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = serveOnce(listener, chunks, plain.consumerTags);
  const connection = await connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port }, {
    noDelay: true,
  });
  const taken: AmqpDelivery<typeof life>[] = [];
  let error: string | undefined;
  connection.on("error", ({ message }: Error) => error ??= message);
  const closed = new Promise((resolve) => connection.on("close", resolve));
  const channel = await connection.createChannel();
  channel.on("error", ({ message }: Error) => error ??= message);
  if (withOurs) {
    readPlainDeliveries(connection, channel, plain, (found) => taken.push(new UnreadDelivery(life, found)));
  }
  for (const consumerTag of plain.consumerTags) {
    await channel.consume("events", (message) => void taken.push(new ReadDelivery(life, message!)), { consumerTag });
  }
  await Promise.all([served, closed]);
  const unread = taken.filter((delivery) => delivery instanceof UnreadDelivery).length;
  const before = taken.map(said);
  for (const delivery of taken) delivery.ownBytes();
  deepStrictEqual(taken.map(said), before, "ownBytes() changes nothing that is said");
  return { deliveries: before, unread, error };
}

function said(delivery: AmqpDelivery<typeof life>): unknown {
  const { tag, messageId, sentId, body, headers, appId, timestampMs, origin } = delivery;
  const { exchange, routingKey, properties: { headers: sent, deliveryMode: _, ...properties } } = origin;
  const facts = { tag, messageId, sentId, body: [...body], headers: { ...headers }, appId, timestampMs };
  return { ...facts, exchange, routingKey, properties: { ...properties, headers: { ...sent } } };
}

Deno.test("plain deliveries equal amqplib's, in 500 streams that are split and damaged anywhere", async () => {
  let unread = 0;
  let read = 0;
  await fc.assert(
    fc.asyncProperty(anyStream, async (stream) => {
      const chunks = chunksOf(stream);
      const [ours, theirs] = await Promise.all([seenBy(chunks, true), seenBy(chunks, false)]);
      deepStrictEqual({ ...ours, unread: 0 }, theirs);
      unread += ours.unread;
      read += ours.deliveries.length - ours.unread;
    }),
    { numRuns: 500 },
  );
  ok(unread > 300 && read > 300, `both ways are taken: ${unread} unread, ${read} read`);
});
