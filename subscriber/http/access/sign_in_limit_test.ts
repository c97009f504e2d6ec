import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { SignInLimit } from "./sign_in_limit.ts";

const never = new AbortController().signal;

async function failures(limit: SignInLimit, address: string, tries: number): Promise<number> {
  let told = 0;
  for (let i = 0; i < tries; i++) {
    if (!limit.take(address)) continue;
    told++;
    await limit.untilTold(never);
  }
  return told;
}

Deno.test("SignInLimit answers five wrong tokens of a peer, then one per ten seconds, and other peers normally", async () => {
  const clock = new VirtualClock();
  const limit = new SignInLimit(clock);
  strictEqual(await failures(limit, "198.51.100.1", 20), 5);
  strictEqual(await failures(limit, "198.51.100.2", 1), 1);
  await clock.advance(10_000);
  strictEqual(await failures(limit, "198.51.100.1", 20), 1);
});

Deno.test("SignInLimit treats an IPv6 network as one peer", async () => {
  const limit = new SignInLimit(new VirtualClock());
  const addresses = Array.from({ length: 10 }, (_, i) => `2001:db8:0:1:${i}::${i}`);
  const told = [];
  for (const address of addresses) told.push(await failures(limit, address, 1));
  deepStrictEqual(told, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
  strictEqual(await failures(limit, "2001:db8:0:2::1", 1), 1);
});

Deno.test("SignInLimit delays wrong tokens when many peers send them", async () => {
  const clock = new VirtualClock();
  const limit = new SignInLimit(clock);
  for (let i = 0; i < 50; i++) await failures(limit, `198.51.100.${i}`, 1);
  let refused = false;
  limit.take("203.0.113.1");
  const told = limit.untilTold(never).then(() => refused = true);
  await clock.advance(900);
  strictEqual(refused, false);
  await clock.advance(100);
  await told;
});
