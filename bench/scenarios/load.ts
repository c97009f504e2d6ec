/** The same rows into the same tables without a broker, by the fastest means that Postgres has: what its part costs at least. */
import { cpuMsOf } from "../processes.ts";
import type { Stand } from "../stand.ts";
import type { Figures } from "./consume.ts";

export interface LoadOptions {
  /** Sessions at once; the rows are shared among them. */
  readonly sessions: number;
  readonly format: "binary" | "text";
}

const columns = "message_id, event_id, player_id, game_id, amount, amount_eur, created_at, rates_as_of, " +
  "player_last_signed_in_at, has_won, type, currency, rate, player_email, description, subscriber_id";

/** Loads again what is stored: a scenario that stores must have run just before. */
export async function loadRows(stand: Stand, { sessions, format }: LoadOptions): Promise<Figures> {
  const folder = await Deno.makeTempDir({ prefix: "casino-bench-" });
  try {
    const events = await stand.rows();
    const files = Array.from({ length: sessions }, (_, n) => `${folder}/${n}`);
    await psql(
      stand,
      files.map((file, n) => {
        const share = `select ${columns} from events order by message_id offset ${Math.floor(events / sessions) * n}`;
        const limit = n === sessions - 1 ? "" : ` limit ${Math.floor(events / sessions)}`;
        return `\\copy (${share}${limit}) to '${file}' (format ${format})`;
      }),
    );
    await stand.reset();
    const pid = await stand.pidOf("postgres");
    const [before = NaN] = cpuMsOf([pid]);
    const begun = performance.now();
    await Promise.all(
      files.map((file) => psql(stand, [`\\copy events (${columns}) from '${file}' (format ${format})`])),
    );
    await psql(stand, [totals]);
    const seconds = (performance.now() - begun) / 1000;
    const [after = NaN] = cpuMsOf([pid]);
    await stand.check(events);
    return { eventsPerSecond: events / seconds, postgresCpuUs: (after - before) * 1000 / events };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const totals = `
  with totalled as (
    insert into player_totals (player_id, bets, wins, deposits_eur)
    select player_id, count(*) filter (where type = 'bet'), count(*) filter (where has_won),
      coalesce(sum(amount_eur) filter (where type = 'deposit'), 0)
    from events where type in ('bet', 'deposit') group by 1
  )
  insert into event_counts (second, subscriber_id, events)
  select date_trunc('second', stored_at), subscriber_id, count(*) from events group by 1, 2`;

async function psql(stand: Stand, commands: readonly string[]): Promise<void> {
  const args = [
    stand.env["DATABASE_URL"]!,
    "-qX",
    "-v",
    "ON_ERROR_STOP=1",
    ...commands.flatMap((each) => ["-c", each]),
  ];
  const { success, stderr } = await new Deno.Command("psql", { args, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`psql failed: ${new TextDecoder().decode(stderr)}`);
}
