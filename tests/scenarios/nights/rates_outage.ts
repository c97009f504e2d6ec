/** The rates API is away for longer than the cached rates last. */
import { happenings } from "../operations/faults.ts";
import type { Story } from "./night.ts";

export const ratesOutage: Story = async (night, system) => {
  await happenings["no rates come"]!(system);
  await night.sees({
    title: "One thing is wrong",
    problem: /^Rates API is not available \(.*\): no rates are left, so events that need them become dead letters/,
    status: /^Rates +none/m,
    alert: ["CasinoDeadLettersForRates", /no exchange rates come/],
  });
  await night.follows("runbook.md", "CasinoDeadLettersForRates");
};
