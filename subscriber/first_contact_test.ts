import { rejects } from "node:assert/strict";
import type { Database } from "../shared/postgres/pool.ts";
import { PermanentError } from "../shared/runtime/errors.ts";
import { VirtualClock } from "../tests/fixtures/virtual_clock.ts";
import { type Contacts, firstContact } from "./first_contact.ts";
import type { SharedRates } from "./rates/shared_rates.ts";

const answers = () => Promise.resolve([]);
const fails = (error: Error) => () => Promise.reject(error);
const silent = () => new Promise(() => {});
const away = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
const urls = { DATABASE_URL: "postgres://127.0.0.1:1/casino", REDIS_URL: "redis://127.0.0.1:2" };

function contact(query: () => Promise<unknown>, inspect: () => Promise<unknown>, changes: Partial<Contacts> = {}) {
  return firstContact({
    database: { query } as unknown as Database,
    shared: { inspect } as unknown as SharedRates,
    ...{ urls, clock: new VirtualClock(), otherAt: () => Promise.resolve(undefined) },
    ...changes,
  });
}

Deno.test("firstContact() reports permanent errors of all servers at once", async () => {
  await contact(answers, answers);
  await rejects(
    contact(fails(new PermanentError("a wrong password")), fails(new PermanentError("a cluster"))),
    { name: "PermanentError", message: "a wrong password\na cluster" },
  );
});

Deno.test("firstContact() does not wait for a server that is away or silent", async () => {
  await contact(fails(away), fails(new Error("ECONNRESET")));
  const clock = new VirtualClock();
  const waiting = contact(silent, answers, { clock });
  await clock.advance(2_000);
  await waiting;
});

Deno.test("firstContact() names a server of another kind that hangs up or is silent", async () => {
  const clock = new VirtualClock();
  const otherAt = (url: string, wanted: string) => Promise.resolve(new PermanentError(`${wanted} is not at ${url}`));
  const refused = rejects(contact(silent, fails(new Error("ECONNRESET")), { clock, otherAt }), {
    message: `Postgres is not at ${urls.DATABASE_URL}\nRedis is not at ${urls.REDIS_URL}`,
  });
  await clock.advance(2_000);
  await refused;
  await contact(answers, fails(away), { otherAt });
});
