/** A publisher sends what no subscriber can store, among good events. */
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import type { Story } from "./night.ts";
import { expected, messageOf, oneBet, send, times } from "./messages.ts";

const each = 40;

export const poisonPublisher: Story = async (night, system) => {
  const repairable = times(each, () => {
    const stored = oneBet();
    return expected(system, { ...stored, currency: "" } as never, 0, stored);
  });
  const torn = times(each, () => messageOf(encodeEvent(oneBet()).subarray(0, 9)));
  await send(system, [...repairable, ...torn]);
  await system.publish(200);
  await night.sees({
    title: `${2 * each} dead letters to review`,
    status: new RegExp(`^Dead letters +${2 * each} letters; see`, "m"),
    alert: ["CasinoDeadLetters", /^\d+ dead-lettered in ten minutes: invalid$/m],
  });
  await night.follows("runbook.md", "CasinoDeadLetters", "dead edit", "--json");
};
