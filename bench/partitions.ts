/**
 * What partitions cost the hot path: batches of 500 into a table without, with eight of them, and with those of two years, in
 * turns, over one connection each; `deno run -A bench/partitions.ts [TURNS]`, on the servers that are up.
 */
import { DatabasePool } from "../shared/postgres/pool.ts";
import { uuidv7 } from "../shared/rabbitmq/message_id.ts";
import { systemClock as clock } from "../shared/runtime/clock.ts";
import { PostgresStore } from "../subscriber/store/postgres_store.ts";
import { bet, enriched } from "../tests/fixtures/deliveries.ts";
import { withoutPartitions, withTestSchema } from "../tests/servers/test_schema.ts";

const [added, batch, turns] = [100_000, 500, Number(Deno.args[0] ?? 10)];

const variants: Readonly<Record<string, string>> = {
  "no partitions": withoutPartitions,
  "eight partitions": "select 1",
  "two years of weeks": `${withoutPartitions} select partition_events(date_trunc('week', now()) - interval '728 days')`,
};

const names = Object.keys(variants);
const times = names.map(() => [] as number[]);
await withStores([], async (stores) => {
  for (let turn = 0; turn < turns; turn++) {
    const order = stores.map((_, n) => n);
    for (const n of turn % 2 === 0 ? order : order.toReversed()) {
      let ms = 0;
      for (let rows = 0; rows < added; rows += batch) {
        const events = Array.from(
          { length: batch },
          (_, i) =>
            enriched(bet({ id: BigInt(turn * added + rows + i), playerId: BigInt(i % 10) }), {
              messageId: uuidv7(clock.now(), crypto.getRandomValues(new Uint8Array(10))),
            }),
        );
        const start = performance.now();
        await stores[n]!.save(events);
        ms += performance.now() - start;
      }
      times[n]!.push(ms * 1_000 / added);
    }
  }
});
for (const [n, name] of names.entries()) {
  const ratios = times[n]!.map((time, turn) => time / times[0]![turn]!);
  console.log(
    `${name}: ${median(times[n]!).toFixed(2)} µs an event, ${median(ratios).toFixed(3)} of none's (${
      ratios.map((ratio) => ratio.toFixed(2)).join(" ")
    })`,
  );
}

/** Each in a schema of its own. */
async function withStores(stores: readonly PostgresStore[], use: (stores: readonly PostgresStore[]) => Promise<void>) {
  const name = names[stores.length];
  if (name === undefined) return await use(stores);
  await withTestSchema(async (sql, url) => {
    await sql.query(variants[name]!);
    const database = new DatabasePool(url, { name: "casino-bench", max: 1, timeoutMs: 60_000, clock });
    await withStores([...stores, new PostgresStore(database, "s")], use).finally(() => database.close());
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
