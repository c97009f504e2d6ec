import { rejects } from "node:assert/strict";
import type { Database } from "../shared/postgres/pool.ts";
import { PermanentError } from "../shared/runtime/errors.ts";
import { VirtualClock } from "../tests/fixtures/virtual_clock.ts";
import { firstContact } from "./first_contact.ts";
import type { SharedRates } from "./rates/shared_rates.ts";

const answers = () => Promise.resolve([]);
const fails = (error: Error) => () => Promise.reject(error);
const contact = (query: () => Promise<unknown>, inspect: () => Promise<unknown>, clock = new VirtualClock()) =>
  firstContact({ query } as unknown as Database, { inspect } as unknown as SharedRates, clock);

Deno.test("firstContact() says what no retry cures, of all servers at once", async () => {
  await contact(answers, answers);
  await rejects(
    contact(fails(new PermanentError("a wrong password")), fails(new PermanentError("a cluster"))),
    { name: "PermanentError", message: "a wrong password\na cluster" },
  );
});

Deno.test("firstContact() waits for no server that is away, or silent", async () => {
  await contact(fails(new Error("ECONNREFUSED")), fails(new Error("ECONNREFUSED")));
  const clock = new VirtualClock();
  const waiting = contact(() => new Promise(() => {}), answers, clock);
  await clock.advance(2_000);
  await waiting;
});
