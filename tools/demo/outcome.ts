/** Reads the outcome of the demo's events from the database and the queues. */
import type { Clock } from "../../shared/runtime/clock.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { formatMajor } from "../../shared/event/money.ts";

export interface Sources {
  readonly database: Pick<Database, "query">;
  /** Number of dead letters. */
  countDead(): Promise<number>;
  /** Number of dead letters by reason. */
  deadReasons(): Promise<ReadonlyMap<string, number>>;
}

export interface Settled {
  readonly stored: number;
  readonly dead: number;
  /** Published, but neither stored nor dead-lettered when the outcome stopped changing. */
  readonly lost: number;
}

/** Counts letters by reason. Letters that the broker itself dead-lettered have no reason header. */
export function reasonsOf(
  letters: readonly { readonly headers: Readonly<Record<string, unknown>> }[],
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { headers } of letters) {
    const reason = String(headers[deadHeaders.reason] ?? "delivery-limit");
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return counts;
}

/** Longest time without an event that is stored or dead-lettered. A busy machine is slow, but loses nothing. */
const stallTimeoutMs = 120_000;
const pollMs = 100;

export async function waitUntilSettled(sources: Sources, published: number, clock: Clock): Promise<Settled> {
  let [settled, giveUpAt] = [-1, 0];
  while (true) {
    const [row] = await sources.database.query("select count(*) from events", []);
    const stored = Number(row?.[0]);
    const dead = await sources.countDead();
    if (stored + dead !== settled) [settled, giveUpAt] = [stored + dead, clock.monotonic() + stallTimeoutMs];
    if (settled >= published || clock.monotonic() > giveUpAt) {
      return { stored, dead, lost: Math.max(0, published - stored - dead) };
    }
    await clock.sleep(pollMs);
  }
}

export interface Run {
  readonly settled: Settled;
  /** From the first event's publication until all events were settled. */
  readonly seconds: number;
  /** Qualifies `seconds`, such as ` at --rate 2000`. */
  readonly remark: string;
  readonly ratesCalls: number;
}

const samplesStatement = "select description from events where event_id <= 100 order by event_id limit 4";
const bySubscriberStatement = "select subscriber_id, count(*) from events group by 1 order by 1";
const topStatement = (column: string) =>
  `select player_id, ${column} from player_totals_now order by ${column} desc, player_id limit 1`;

/** Returns the summary: some events as sentences, then the figures. */
export async function summarize(sources: Sources, run: Run): Promise<string> {
  const ask = (statement: string) => sources.database.query(statement, []);
  const samples = await ask(samplesStatement);
  const bySubscriber = await ask(bySubscriberStatement);
  const [bets, wins, deposits] = await Promise.all(
    ["bets", "wins", "deposits_eur"].map(async (column) => (await ask(topStatement(column)))[0]),
  );
  const shares = bySubscriber.map(([subscriber, events]) => `${subscriber}: ${events}`);
  const reasons = Array.from(await sources.deadReasons(), ([reason, count]) => `${printable(reason)}: ${count}`);
  const { settled: { stored, dead, lost }, seconds, remark, ratesCalls } = run;
  return `
Four events:
${samples.map(([description]) => `  ${printable(description ?? "")}`).join("\n")}

Events stored       ${stored}${listed(shares)}
Events a second     ${Math.round((stored + dead) / seconds)}, over ${seconds.toFixed(1)} s${remark}
Dead letters        ${dead}${listed(reasons)}
Lost                ${lost}
Calls to rates API  ${ratesCalls}
Most bets           ${shown(bets, (count) => count)}
Most wins           ${shown(wins, (count) => count)}
Largest deposits    ${shown(deposits, (cents) => `${formatMajor(BigInt(cents), 2)} EUR`)}`;
}

function listed(parts: readonly string[]): string {
  return parts.length > 0 ? `  (${parts.join(", ")})` : "";
}

function shown(top: readonly (string | null)[] | undefined, format: (total: string) => string): string {
  const [id, total] = top ?? [];
  return id && total ? `player #${id} with ${format(total)}` : "none yet";
}
