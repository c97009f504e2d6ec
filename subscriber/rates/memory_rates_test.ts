import { VirtualClock } from "../../shared/testing/virtual_clock.ts";
import { MemoryRates } from "./memory_rates.ts";
import { testSharedRates } from "./shared_rates_conformance.ts";

testSharedRates({
  name: "MemoryRates",
  async withShared(use) {
    const clock = new VirtualClock();
    await use(new MemoryRates(clock), (ms) => clock.advance(ms));
  },
});
