/** `deno bench bench/micro_bench.ts`: what each stage of the hot path takes for one event, or for a window of 500. */
import { AckRuns } from "../shared/amqp/ack_runs.ts";
import { decodeEvent, encodeEvent } from "../shared/codec.ts";
import type { Event } from "../shared/event.ts";
import { seededRandom } from "../shared/random.ts";
import { generateEvents } from "../publisher/generator.ts";
import { describe } from "../subscriber/describe.ts";
import type { Enriched } from "../subscriber/enriched.ts";
import { EventRows } from "../subscriber/event_rows.ts";
import { jsonLine } from "../subscriber/json_line.ts";
import { price } from "../subscriber/price.ts";
import { ratesOf } from "../subscriber/testing.ts";
import { totalsStatement } from "../subscriber/totals.ts";
import { isDead } from "../subscriber/window.ts";

/** As many as make the branches and the caches work as they do under load. */
const count = 5_000;
const windowSize = 500;

const rates = ratesOf({ USD: "1.0705", GBP: "0.84638", NZD: "1.7601", JPY: "171.94", BTC: "0.0000176" });
const random = seededRandom(1);
const source = generateEvents({ random, players: 1_000, firstId: 1n, timeMs: (n) => Date.UTC(2024, 5, 28) + n * 20 });
const enriched: Enriched[] = Array.from({ length: count }, () => {
  const { messageId, event } = source.next().value;
  const cost = price(event, rates);
  if (isDead(cost)) throw new Error(cost.detail);
  const player = { email: `player${event.playerId}@example.com`, lastSignedInAt: new Date(1_700_000_000_000) };
  return { messageId, event, price: cost, player, description: describe(event, cost?.eurCents, player.email) };
});
const bodies = enriched.map(({ event }) => encodeEvent(event));
const window = enriched.slice(0, windowSize);
const tags = window.map((_, i) => i + 1);
const shuffled = tags.toSorted((a, b) => a * 7_919 % windowSize - b * 7_919 % windowSize);
const rows = new EventRows("subscriber-1");

let next = 0;
const each = <T>(items: readonly T[]): T => items[next = (next + 1) % count]!;
/** Results that nobody looks at would not be made. */
let kept: unknown;

Deno.bench("decode", { group: "event" }, () => {
  kept = decodeEvent(each(bodies));
});
Deno.bench("convert", { group: "event" }, () => {
  kept = price(each(enriched).event, rates);
});
Deno.bench("describe", { group: "event" }, () => {
  const { event, price, player }: Enriched & { event: Event } = each(enriched);
  kept = describe(event, price?.eurCents, player?.email);
});
Deno.bench("JSON line", { group: "event" }, () => {
  kept = jsonLine(each(enriched));
});
Deno.bench("rows for COPY", { group: "window of 500" }, async () => {
  await rows.with(window, (bytes) => Promise.resolve(void (kept = bytes)));
});
Deno.bench("totals", { group: "window of 500" }, () => {
  kept = totalsStatement(window, "subscriber-1");
});
Deno.bench("settle, in order", { group: "window of 500" }, () => {
  new AckRuns((tag) => kept = tag).settle(tags);
});
Deno.bench("settle, out of order", { group: "window of 500" }, () => {
  new AckRuns((tag) => kept = tag).settle(shuffled);
});

addEventListener("unload", () => void kept);
