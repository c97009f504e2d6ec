/** What became of the demo's events, read from the database and the queues. */
import type { Channel } from "amqplib";
import { openConnection } from "../../shared/amqp/connection.ts";
import { deadHeaders } from "../../shared/amqp/dead_letters.ts";
import { closePostgres, openPostgres } from "../../shared/postgres.ts";
import { formatMajor } from "../../shared/money.ts";
import type { Names } from "./main.ts";

export interface Settled {
  readonly stored: number;
  readonly dead: number;
  /** Published, but neither stored nor dead-lettered when the time was up. */
  readonly lost: number;
}

const settleTimeoutMs = 120_000;
const pollMs = 100;

export async function waitUntilSettled(names: Names, published: number): Promise<Settled> {
  const sql = openPostgres(names.DATABASE_URL, { name: "casino-demo" });
  const connection = await openConnection({ url: names.RABBITMQ_URL, name: "casino-demo" });
  const channel = await connection.createChannel();
  const giveUpAt = performance.now() + settleTimeoutMs;
  try {
    while (true) {
      const [row] = await sql`select count(*)::int as stored from events`;
      const stored = Number(row?.["stored"]);
      const { messageCount: dead } = await channel.checkQueue(names.DEAD_LETTER_QUEUE);
      if (stored + dead >= published || performance.now() > giveUpAt) {
        return { stored, dead, lost: Math.max(0, published - stored - dead) };
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  } finally {
    await connection.close();
    await closePostgres(sql);
  }
}

export interface SummaryOptions {
  readonly names: Names;
  readonly settled: Settled;
  readonly seconds: number;
  readonly ratesCalls: number;
  readonly say: (sentence: string) => void;
}

export async function printSummary({ names, settled, seconds, ratesCalls, say }: SummaryOptions): Promise<void> {
  const sql = openPostgres(names.DATABASE_URL, { name: "casino-demo" });
  const connection = await openConnection({ url: names.RABBITMQ_URL, name: "casino-demo" });
  try {
    const samples = await sql`select description from events where event_id <= 100 order by event_id limit 4`;
    say(`\nFour of them:\n${samples.map((row) => `  ${row["description"]}`).join("\n")}`);
    const bySubscriber = await sql`select subscriber_id, count(*)::int as events from events group by 1 order by 1`;
    const top = (column: string) =>
      sql`
      select player_id::text as id, ${sql(column)}::text as sum from player_totals order by ${
        sql(column)
      } desc, player_id limit 1`;
    const [bets, wins, deposits] = await Promise.all(
      ["bets", "wins", "deposits_eur"].map(async (column) => (await top(column))[0]),
    );
    const reasons = await deadReasons(await connection.createChannel(), names.DEAD_LETTER_QUEUE);
    const { stored, dead, lost } = settled;
    say(`
Events stored       ${stored}  (${bySubscriber.map((row) => `${row["subscriber_id"]}: ${row["events"]}`).join(", ")})
Events a second     ${Math.round((stored + dead) / seconds)}, over ${seconds.toFixed(1)} s with the publishers' start
Dead letters        ${dead}${dead > 0 ? `  (${reasons})` : ""}
Lost                ${lost}
Calls to rates API  ${ratesCalls}
Most bets           player #${bets?.["id"]} with ${bets?.["sum"]}
Most wins           player #${wins?.["id"]} with ${wins?.["sum"]}
Largest deposits    player #${deposits?.["id"]} with ${formatMajor(BigInt(deposits?.["sum"] ?? 0), 2)} EUR`);
  } finally {
    await connection.close();
    await closePostgres(sql);
  }
}

/** Looks at the dead letters without taking them; they return when the connection closes. */
async function deadReasons(channel: Channel, queue: string): Promise<string> {
  const counts = new Map<string, number>();
  for (let letter; (letter = await channel.get(queue));) {
    const reason = String(letter.properties.headers?.[deadHeaders.reason] ?? "delivery-limit");
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return Array.from(counts, ([reason, count]) => `${reason}: ${count}`).join(", ");
}
