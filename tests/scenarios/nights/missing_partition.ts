/** Nobody could make partitions for a month, and the week that has none begins. */
import { untilText } from "../dashboard/browser.ts";
import { withWeeks } from "../../servers/test_schema.ts";
import { expected, oneBet, send, times } from "./messages.ts";
import type { Story } from "./night.ts";

const count = 20;

export const missingPartition: Story = async (night, system) => {
  const obstacle = await system.withSql(async (sql) => {
    // It holds no event yet: the ledger's ids are older.
    await sql.query(withWeeks(0));
    const { name } = await sql.one<{ name: string }>(
      "select 'events_' || to_char(event_partitions_end() at time zone 'UTC', 'YYYYMMDD') as name",
    );
    await sql.query(`create table ${name} (forgotten int)`);
    return name;
  });
  await send(system, times(count, () => expected(system, oneBet())));
  await untilText(night.page, "#headline-problems li", /^The table events has partitions for 0 more days/);
  await night.sees({
    title: /wrong$/,
    problem: /has held \d+ events since .*"events_partition_missing"; create the partition that is missing/,
    status: /^Subscriber +\S+ {2}has held \d+ events for .*"events_partition_missing"/m,
    alert: ["CasinoPartitionsRunOut", /^In -?\d days events have no partition/],
  });
  await night.follows("runbook.md", "CasinoPartitionsRunOut", "partitions.failed", "select event_partitions_end");
  await night.types(`psql "$DATABASE_ADMIN_URL" -c 'drop table ${obstacle}'`);
  await night.follows("runbook.md", "CasinoPartitionsRunOut", "make_event_partitions", "runway_days");
};
