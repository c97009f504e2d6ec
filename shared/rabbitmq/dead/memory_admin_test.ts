import { MemoryQueue } from "../memory_queue.ts";
import { systemClock as clock } from "../../runtime/clock.ts";
import { testDeadLetterAdmin } from "../../../tests/conformance/dead_letter_admin.ts";
import { MemoryDeadLetterAdmin } from "./memory_admin.ts";

testDeadLetterAdmin({
  name: "MemoryDeadLetterAdmin",
  async withAdmin(use) {
    const queue = new MemoryQueue(clock);
    const admin = new MemoryDeadLetterAdmin({ queue, clock });
    await use({
      admin,
      bury: (letters) => Promise.resolve(void queue.deadLetters.push(...letters)),
      events: async () => {
        const taken = queue.ready > 0 ? await queue.take(queue.ready, new AbortController().signal) : [];
        return taken.map(({ messageId, body, headers, appId, timestampMs }) => ({
          ...{ messageId, body, headers, appId, timestampMs },
        }));
      },
      waiting: () => Promise.resolve(queue.deadLetters.length),
    });
    await admin.close();
  },
});
