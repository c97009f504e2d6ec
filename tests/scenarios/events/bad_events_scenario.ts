/** Every kind of bad event is dead-lettered with its reason, and its neighbours are stored. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import protobuf from "protobufjs/minimal.js";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { bet, deposit, gameStart } from "../../fixtures/deliveries.ts";
import { withWorld, type World } from "../../harness/world.ts";

const good = encodeEvent(bet({ id: 1_000n }));

/** Encodes a message by hand: fields by number, as varints or bytes. */
function message(fields: Record<number, number | bigint | string | Uint8Array>): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const [number, value] of Object.entries(fields)) {
    const tag = Number(number) << 3;
    if (typeof value === "string") writer.uint32(tag | 2).string(value);
    else if (value instanceof Uint8Array) writer.uint32(tag | 2).bytes(value);
    else writer.uint32(tag).int64(Number(value));
  }
  return writer.finish();
}

const time = (seconds: number) => protobuf.Writer.create().uint32(8).int64(seconds).finish();
const createdAt = time(1_700_000_000);
const start = { 1: 1, 2: 10, 3: 100, 4: 1, 8: createdAt };
const wager = { ...start, 4: 2, 5: 5, 6: "EUR" };

/** Each bad event: name, body, and the reason and detail of its dead letter. */
const bad: readonly (readonly [string, Uint8Array, string, RegExp])[] = [
  ["an empty body", new Uint8Array(), "invalid", /id is missing; player_id is missing; type is missing/],
  ["random bytes", Uint8Array.from([0xff, 0x01, 0x80, 0x80, 0x80]), "undecodable", /5 bytes are not/],
  ["a truncated message", good.subarray(0, good.length - 3), "undecodable", /are not a casino.events.v1.Event/],
  [
    "text that is no UTF-8",
    message({ ...wager, 6: Uint8Array.from([0xc3, 0x28, 0xff]) }),
    "undecodable",
    /are not a casino.events.v1.Event/,
  ],
  ["no type", message({ 1: 1, 2: 10, 3: 100, 8: createdAt }), "invalid", /^type is missing$/],
  ["a type from the future", message({ ...start, 4: 9 }), "invalid", /^type = 9 is unknown to this version$/],
  ["a negative amount", message({ ...wager, 5: -5 }), "invalid", /amount = -5 must be 0 or more/],
  ["no currency", message({ ...start, 4: 2, 5: 5 }), "invalid", /currency is missing/],
  ["no time", message({ 1: 1, 2: 10, 3: 100, 4: 1 }), "invalid", /created_at is missing/],
  ["a time beyond year 9999", message({ ...start, 8: time(300_000_000_000) }), "invalid", /created_at is out of range/],
  ["no player", message({ 1: 1, 3: 100, 4: 1, 8: createdAt }), "invalid", /player_id is missing/],
  ["a deposit with a game", message({ ...wager, 4: 3 }), "invalid", /game_id does not apply to a deposit/],
  ["a currency that does not exist", encodeEvent(bet({ currency: "ZZZ" })), "unknown-currency", /"ZZZ"/],
  [
    "a currency without a rate",
    encodeEvent(bet({ currency: "KWD" })),
    "unknown-currency",
    /the rates have no KWD/,
  ],
  [
    "more EUR cents than a bigint holds",
    encodeEvent(bet({ currency: "GBP", amount: 2n ** 63n - 1n })),
    "store-rejected",
    /out of range/,
  ],
];

async function publishRaw(world: World, bodies: readonly Uint8Array[], properties = {}): Promise<void> {
  for (const body of bodies) {
    world.channel.publish(world.events, "", Buffer.from(body), { messageId: crypto.randomUUID(), ...properties });
  }
  await world.channel.checkQueue(world.events);
}

Deno.test("each bad event reaches the dead letter queue with its reason and its body, and its neighbours are stored", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const subscriber = await world.startSubscriber("subscriber");
    const between = () => encodeEvent(bet({ id: BigInt(Math.floor(Math.random() * 1e9)) }));
    const bodies = bad.flatMap(([, body]) => [between(), body, between()]);
    await publishRaw(world, bodies);
    // An unusual message with a good event is stored.
    await publishRaw(world, [between()], { messageId: undefined });
    await publishRaw(world, [between()], { messageId: "not a uuid" });
    await publishRaw(world, [between()], {
      headers: { huge: "x".repeat(60_000) },
      contentType: "text/plain",
      type: "?",
    });
    await world.untilSettled(2 * bad.length + 3, bad.length);

    const letters = new Map((await world.deadLetters()).map((letter) => [letter.body.toHex(), letter]));
    for (const [what, body, reason, detail] of bad) {
      const letter = letters.get(body.toHex());
      deepStrictEqual([letter?.reason, letter?.subscriber], [reason, "subscriber"], what);
      match(letter!.detail, detail, what);
    }
    await world.stop(subscriber);
    strictEqual((await subscriber.ended).code, 0);
    strictEqual(await world.messagesIn(world.events), 0);
  });
});

Deno.test("without a rates API, events that need rates are dead-lettered after RATES_WAIT_MS, and no other event waits", async () => {
  await withWorld(async (world) => {
    const times = { RATES_CALL_TIMEOUT_MS: "200", RATES_LOCK_TTL_MS: "400", RATES_WAIT_MS: "3000" };
    await world.startSubscriber("subscriber", times);
    await publishRaw(world, [bet(), deposit(), gameStart(), bet({ currency: "EUR" })].map(encodeEvent));
    await world.untilSettled(3);
    strictEqual(await world.messagesIn(world.dead), 0, "stored while the fourth still waits");
    await world.untilSettled(3, 1);
    const [letter] = await world.deadLetters();
    strictEqual(letter?.reason, "rates-timeout");
    match(letter.detail, /RATES_WAIT_MS=3000: the rates API at 127.0.0.1:\d+ /);
  });
});

Deno.test("the publisher names each bad line of a file by line and field, publishes the others, and exits with 1", async () => {
  await withWorld(async (world) => {
    const line = { id: 1, player_id: 10, game_id: 100, type: "game_start", created_at: "2022-01-10T12:34:00Z" };
    const lines = [
      JSON.stringify(line),
      "{not json",
      JSON.stringify({ ...line, type: "jackpot" }),
      JSON.stringify({ ...line, id: 2, created_at: "yesterday" }),
      "",
      JSON.stringify({ ...line, id: "9223372036854775808" }),
      JSON.stringify({ ...line, ammount: 5 }),
      JSON.stringify({ ...line, id: "9223372036854775807" }),
    ];
    const file = await Deno.makeTempFile({ suffix: ".ndjson" });
    await Deno.writeTextFile(file, lines.join("\n"));
    const { code, stdout, stderr } = await world.tryRunning("publisher", ["--input", file]);
    await Deno.remove(file);
    strictEqual(code, 1);
    match(stdout, /published 2, confirmed 2, returned 0, failed 0, 5 bad lines skipped/);
    match(stderr, /:2: line is not JSON/);
    match(stderr, /:3: type = "jackpot" must be one of game_start, bet, deposit, game_stop/);
    match(stderr, /:4: created_at = "yesterday" must be an RFC 3339 time/);
    match(stderr, /:6: id = "9223372036854775808" must be a 64-bit integer/);
    match(stderr, /:7: ammount is unknown/);
    strictEqual(await world.messagesIn(world.events), 2);
  });
});
