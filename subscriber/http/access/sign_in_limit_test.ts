import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { SignInLimit } from "./sign_in_limit.ts";

const never = new AbortController().signal;

async function failures(limit: SignInLimit, address: string, tries: number): Promise<number> {
  let looked = 0;
  for (let i = 0; i < tries; i++) {
    if (!limit.begin(address)) continue;
    looked++;
    await limit.failed(never);
  }
  return looked;
}

Deno.test("SignInLimit looks at five wrong tokens of a peer, then one in ten seconds; at others' all the same", async () => {
  const clock = new VirtualClock();
  const limit = new SignInLimit(clock);
  strictEqual(await failures(limit, "198.51.100.1", 20), 5);
  strictEqual(await failures(limit, "198.51.100.2", 1), 1);
  await clock.advance(10_000);
  strictEqual(await failures(limit, "198.51.100.1", 20), 1);
});

Deno.test("SignInLimit counts no right token, and takes the addresses of a network of IPv6 for one peer", async () => {
  const limit = new SignInLimit(new VirtualClock());
  for (let i = 0; i < 100; i++) {
    strictEqual(limit.begin("198.51.100.1"), true);
    limit.succeeded("198.51.100.1");
  }
  const addresses = Array.from({ length: 10 }, (_, i) => `2001:db8:0:1:${i}::${i}`);
  const looked = [];
  for (const address of addresses) looked.push(await failures(limit, address, 1));
  deepStrictEqual(looked, [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
  strictEqual(await failures(limit, "2001:db8:0:2::1", 1), 1);
});

Deno.test("SignInLimit has wrong tokens of many peers wait for their refusal, and right ones for nothing", async () => {
  const clock = new VirtualClock();
  const limit = new SignInLimit(clock);
  for (let i = 0; i < 50; i++) await failures(limit, `198.51.100.${i}`, 1);
  let refused = false;
  limit.begin("203.0.113.1");
  const failed = limit.failed(never).then(() => refused = true);
  await clock.advance(900);
  deepStrictEqual([refused, limit.begin("203.0.113.2")], [false, true]);
  await clock.advance(100);
  await failed;
});
