/**
 * Measures the queries behind the operators' views, with 100,000 dead letters of 50 causes, in a schema of its own that
 * is dropped afterwards. `deno run -A bench/dead_letters.ts`
 */
import { encodeEvent } from "../shared/event/protobuf.ts";
import { DatabasePool } from "../shared/postgres/pool.ts";
import type { Filter } from "../shared/rabbitmq/dead/admin.ts";
import { systemClock as clock } from "../shared/runtime/clock.ts";
import { LetterClaims } from "../subscriber/dead_letters/claims.ts";
import { JobTable } from "../subscriber/dead_letters/jobs/job_table.ts";
import { LetterTable } from "../subscriber/dead_letters/letter_table.ts";
import { Resolver } from "../subscriber/dead_letters/resolve.ts";
import { Takes } from "../subscriber/dead_letters/takes.ts";
import { bet } from "../tests/fixtures/deliveries.ts";
import { withTestSchema } from "../tests/servers/test_schema.ts";

const [letters, causes, rounds] = [100_000, 50, 30];
const mostMs = 100;

await withTestSchema(async (sql, url) => {
  const body = encodeEvent(bet()).toHex();
  await sql.query(`
    insert into dead_letters (letter_key, message_id, attempts, replays, event_id, player_id, first_failed_at, last_failed_at,
      by_broker, cause_group, reason, cause, detail, exchange, routing_key, properties, body)
    select gen_random_uuid(), gen_random_uuid(), 1, 0, n, n % 1000, now() - n * interval '1 s', now() - n * interval '1 s',
      false, 'group' || n % ${causes}, 'reason-' || n % 6, 'cause ' || n % ${causes}, 'amount -' || n || ' of a bet',
      'events', '', '\\x0000', '\\x${body}'
    from generate_series(1, ${letters}) as n;
    analyze dead_letters`);
  const database = new DatabasePool(url, { name: "casino-bench", max: 1, timeoutMs: 30_000, clock });
  const table = new LetterTable(database);
  await new Takes(database).take("group17", "the bench", "");
  const [{ letters: [one] }, last] = await Promise.all([
    table.page({ filter: {}, limit: 1, order: "newest", after: 50_000n }),
    table.lastId(),
  ]);
  const page = (filter: Filter, after?: bigint) => () => table.page({ filter, limit: 100, order: "newest", after });
  const jobs = new JobTable(database);
  const asked: Record<string, () => Promise<unknown>> = {
    "groups": () => table.groups({}),
    "groups of a reason": () => table.groups({ reasons: ["reason-3"] }),
    "a page of 100": page({}),
    "a page in the middle": page({}, 50_000n),
    "a page of a group": page({ groups: ["group17"] }, 50_000n),
    "a page of a reason": page({ reasons: ["reason-3"] }),
    "a page of a player": page({ playerId: 17n }),
    "a page by a rare part of the detail": page({ text: "-99999 " }),
    "one letter by message id": page({ ids: [one!.messageId] }),
    "one letter by event id": page({ eventId: 4_711n }),
    "counts of letters, total and untended": () => new Takes(database).count(),
    "the number of letters of a job": () => jobs.count({ act: "replay", filter: { groups: ["group17"] } }),
    "the next 100 of a job": () =>
      new LetterClaims(database).claimNext(
        { filter: {}, after: 0n, last, limit: 100, job: crypto.randomUUID() },
        crypto.randomUUID(),
      ),
    "a check of 1,000 letters for stored events": () => new Resolver(slice(database), "dead").round(),
  };
  let slow = 0;
  for (const [what, ask] of Object.entries(asked)) {
    const times: number[] = [];
    for (let n = 0; n < rounds; n++) {
      const began = performance.now();
      await ask();
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    const [half, most] = [times[rounds >> 1]!, times.at(-1)!];
    if (half > mostMs) slow++;
    console.log(`${what.padEnd(46)} median ${half.toFixed(1).padStart(6)} ms  most ${most.toFixed(1).padStart(6)} ms`);
  }
  await database.close();
  console.log(slow === 0 ? `All under ${mostMs} ms.` : `${slow} over ${mostMs} ms.`);
});

/** Runs only the first statement of a round. */
function slice(database: DatabasePool): Pick<DatabasePool, "query"> {
  let asked = false;
  return {
    query(text, parameters) {
      if (asked) return Promise.resolve([[null, "0", "0"]]);
      asked = true;
      return database.query(text, parameters);
    },
  };
}
