/** A subscriber's process stands still while it holds events. */
import { Session } from "../../../shared/postgres/session.ts";
import { runProgram } from "../../../tools/run_program.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { expected, oneBet, send, times } from "./messages.ts";
import type { Story } from "./night.ts";

const [count, ageMs] = [60, 90_000];

export const stuckSubscriber: Story = async (night, system) => {
  {
    await using sql = new Session(system.servers.direct.DATABASE_URL, { name: "a-long-statement" });
    await sql.query("begin; lock table events in share row exclusive mode");
    await send(system, times(count, () => expected(system, oneBet(), ageMs)));
    await eventually("both subscribers hold events", async () => {
      const { output } = await system.operator.type("deno task status");
      return output.match(/ \d+ events held for /g)?.length === 2;
    });
    const pid = await Deno.readTextFile(`${system.operator.folder}/subscriber-2.pid`);
    await runProgram("pkill", ["-STOP", "-P", pid.trim()]);
  }
  await night.sees({
    title: "1 problem",
    problem: /^\d+ events? held by subscriber subscriber-2, silent since \d\d:\d\d:\d\d UTC/,
    status: /^Subscriber +subscriber-2 {2}\d+ events? held, no report for /m,
    alert: ["CasinoEventsHeld", /^The oldest event in hand is \d+ s old$/],
  });
  await night.follows("runbook.md", "CasinoEventsHeld", "pkill");
  await night.follows("operations.md", "Start", "SUBSCRIBER_ID=subscriber-2");
};
