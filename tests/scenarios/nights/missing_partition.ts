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
  await untilText(night.page, "#headline-problems li", /^0 days of partitions left in the table events/);
  await night.sees({
    title: /problems?$/,
    problem: /^\d+ events? held by .* since .*"events_partition_missing"; create the partition that is missing/,
    status: /^Subscriber +\S+ {2}\d+ events? held for .*"events_partition_missing"/m,
    alert: ["CasinoPartitionsRunOut", /^Partitions of the table events run out in -?\d days/],
  });
  await night.follows("runbook.md", "CasinoPartitionsRunOut", "partitions.failed");
  await night.types(`psql "$DATABASE_ADMIN_URL" -c 'drop table ${obstacle}'`);
  await night.follows("runbook.md", "CasinoPartitionsRunOut", "make_event_partitions");
};
