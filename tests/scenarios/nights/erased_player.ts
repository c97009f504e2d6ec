/** A player who is playing asks for their data to be erased. */
import { deepStrictEqual } from "node:assert/strict";
import { systemClock } from "../../../shared/runtime/clock.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { untilText } from "../dashboard/browser.ts";
import { expected, oneBet, send, times } from "./messages.ts";
import type { Story } from "./night.ts";

const email = "jane@example.com";
const sums = "select json_agg(t order by player_id) as totals from player_totals_now t";

export const erasedPlayer: Story = async (night, system) => {
  const { page } = night;
  const plays = () => send(system, times(20, () => expected(system, oneBet({ playerId: 11n }))));
  await plays();
  await untilText(page, "#events li", email);
  await system.checkNothingIsLost();
  const before = await system.withSql((sql) => sql.one(sums));
  await night.sees({ title: "All is well", status: /^Lag +none/m });

  await night.follows("operations.md", "Postgres", "erase");
  // Subscribers forget within 10 s; pages that are open stay until they are reloaded.
  await eventually("a page without the e-mail", async () => {
    // Each load costs some twenty of the requests that an address may send.
    await systemClock.sleep(1_000);
    await page.reload();
    await untilText(page, "#headline-title", "All is well");
    const recent = await (await fetch(new URL("/events?limit=500", page.url()))).text();
    return !recent.includes(email) && !(await page.content()).includes(email);
  });
  deepStrictEqual(await system.withSql((sql) => sql.one(sums)), before);
  await plays();
  await system.checkNothingIsLost();
  const personal = "select count(*)::int as events from events where events::text like '%jane@%'";
  deepStrictEqual(await system.withSql((sql) => sql.one(personal)), { events: 0 });
};
