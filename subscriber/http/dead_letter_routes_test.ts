import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { MemoryDeadLetterAdmin } from "../../shared/rabbitmq/dead/memory_admin.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { bet } from "../../tests/fixtures/deliveries.ts";
import { RecordedLog } from "../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../tests/fixtures/virtual_clock.ts";
import { deadLetterRoutes } from "./dead_letter_routes.ts";
import { refuseOthers } from "./refuse_others.ts";

const large = "x".repeat(2_000_000);

/** Returns letters in which every text of variable length is long. */
function largeLetters(count: number): Delivery[] {
  const body = encodeEvent(bet({ currency: large }));
  const headers = Object.fromEntries(Object.values(deadHeaders).map((name) => [name, large]));
  return Array.from({ length: count }, (_, i) => ({
    messageId: `00000000-0000-7000-8000-${String(i).padStart(12, "0")}`,
    ...{ body, headers: { ...headers, theirs: large }, appId: undefined, timestampMs: undefined },
  }));
}

async function answerTo(path: string, deadLetters: Delivery[]): Promise<string> {
  const clock = new VirtualClock();
  const admin = new MemoryDeadLetterAdmin({ queue: { deadLetters, publish: () => {} }, clock });
  const routes = deadLetterRoutes({ admin, waiting: () => Promise.resolve(0), clock });
  const response = await routes.request(path);
  strictEqual(response.status, 200);
  return await response.text();
}

Deno.test("GET /dead-letters shows little of each letter, however large it is", async () => {
  const text = await answerTo("/?limit=100", largeLetters(100));
  const { total, dead_letters: shown } = JSON.parse(text);
  deepStrictEqual([total, shown.length, shown[0].body_bytes > 2_000_000], [100, 100, true]);
  strictEqual(atob(shown[0].body_base64).length, 4_096);
  strictEqual(text.length < 100 * 20_000, true, `${text.length} characters`);
});

Deno.test("GET /dead-letters/ID shows at most a MiB of the body, and its length", async () => {
  const [letter] = largeLetters(1);
  const shown = JSON.parse(await answerTo(`/${letter!.messageId}`, [letter!]));
  deepStrictEqual([atob(shown.body_base64).length, shown.body_bytes], [1_048_576, letter!.body.length]);
});

Deno.test("a time that the table cannot hold, or a NUL in a change, is a 400 that names the parameter", async () => {
  const clock = new VirtualClock();
  const admin = new MemoryDeadLetterAdmin({ queue: { deadLetters: [], publish: () => {} }, clock });
  const routes = deadLetterRoutes({ admin, waiting: () => Promise.resolve(0), clock });
  const cases = [
    ...["since=999999d", "until=0000-01-01", "since=soon", "until=9999-12-31T23:59-23:00"].map((query) => `/?${query}`),
    ...["set=currency%3D%00", "set=currency%3DEUR&where=currency%3D%00"].map((query) => `/edits?all=true&${query}`),
  ];
  refuseOthers(routes, new RecordedLog());
  for (const path of cases) {
    const error = await (await routes.request(path)).json();
    const name = path.includes("where") ? "where" : /[?&](since|until|set)=/.exec(path)![1]!;
    deepStrictEqual([error.status, error.detail.startsWith(`${name} `)], [400, true], `${path}: ${error.detail}`);
  }
  for (const query of ["since=700000d", "until=0001-01-02", "until=9999-12-31T00:00Z", "text=%00"]) {
    strictEqual((await routes.request(`/?${query}`)).status, 200, query);
  }
});
