import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { MemoryRates } from "./memory_rates.ts";
import { testSharedRates } from "../../tests/conformance/shared_rates.ts";

testSharedRates({
  name: "MemoryRates",
  async withShared(use) {
    const clock = new VirtualClock();
    await use(new MemoryRates(clock), (ms) => clock.advance(ms));
  },
});
