import { deepStrictEqual } from "node:assert/strict";
import { reportOf, testFleet } from "../../../tests/conformance/fleet.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { lifeMs } from "./fleet.ts";
import { MemoryFleet } from "./memory_fleet.ts";

testFleet({
  name: "MemoryFleet",
  async withFleet(use) {
    const clock = new VirtualClock();
    await use(new MemoryFleet(clock), (ms) => clock.advance(ms));
  },
});

Deno.test("MemoryFleet forgets a subscriber without a report for its lifetime", async () => {
  const clock = new VirtualClock();
  const fleet = new MemoryFleet(clock);
  await fleet.tell(reportOf("one"));
  await clock.advance(lifeMs);
  deepStrictEqual(await fleet.read(), []);
});
