/**
 * The same rows into the same tables without a broker, by the fastest means that Postgres has: what its part costs at
 * least. The server reads them from files, in sessions that are open before, so that no client costs anything.
 */
import { cpuMsOf } from "../program.ts";
import { Session } from "../../shared/postgres/session.ts";
import { type Environment, longestQueryMs } from "../environment.ts";
import type { Figures } from "./consume.ts";

/** The fastest of the variants tried: by the server and by psql, text and binary, 1 to 3 sessions. */
const [sessions, format] = [2, "binary"];

const columns = "message_id, event_id, player_id, game_id, amount, amount_eur, created_at, rates_as_of, " +
  "player_last_signed_in_at, has_won, type, currency, rate, player_email, description, subscriber_id";

/** Loads again what is stored: a scenario that stores must have run just before. */
export async function loadRows(environment: Environment): Promise<Figures> {
  const folder = await Deno.makeTempDir({ prefix: "casino-bench-" });
  await Deno.chmod(folder, 0o777);
  const open = Array.from(
    { length: sessions },
    () => new Session(environment.superuserUrl, { name: "casino-bench load", timeoutMs: longestQueryMs }),
  );
  try {
    const events = await environment.rows();
    const share = Math.floor(events / sessions);
    await Promise.all(open.map((sql, n) => {
      const limit = n === sessions - 1 ? "" : `limit ${share}`;
      const rows = `select ${columns} from events order by message_id offset ${share * n} ${limit}`;
      return sql.query(`copy (${rows}) to '${folder}/${n}' (format ${format})`);
    }));
    await environment.reset();
    const pid = await environment.pidOf("postgres");
    const [before = NaN] = cpuMsOf([pid]);
    const begun = performance.now();
    await Promise.all(
      open.map((sql, n) => sql.query(`copy events (${columns}) from '${folder}/${n}' (format ${format})`)),
    );
    await open[0]!.query(totals);
    const seconds = (performance.now() - begun) / 1000;
    const [after = NaN] = cpuMsOf([pid]);
    await environment.check(events);
    return { eventsPerSecond: events / seconds, postgresCpuUs: (after - before) * 1000 / events };
  } finally {
    for (const sql of open) await sql.close();
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
