/** What Redis may do to us: without it each subscriber gets rates for itself, and says so; with it they share them again. */
import { ok, strictEqual } from "node:assert/strict";
import { Batch, checkAllStored, queues } from "../../harness/batch.ts";
import { Ledger } from "../../harness/ledger.ts";
import { PrivateWorld } from "../../harness/private_world.ts";

const ttlMs = 4_000;
const env = { RATES_TTL_MS: String(ttlMs) };

async function under(fault: (world: PrivateWorld) => Promise<void>, heal: (world: PrivateWorld) => Promise<void>) {
  await using world = await PrivateWorld.start(env);
  const ledger = new Ledger();
  await world.startRatesApi();
  const onLine = (line: string) => ledger.report(line);
  const members = ["one", "other"].map((id) => world.startSubscriber(id, {}, { onLine }));
  const batch = new Batch(world.servers.env.RABBITMQ_URL, ledger);
  await batch.publish(200);
  await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);

  await fault(world);
  const [callsBefore, begun] = [await world.ratesCalls(), performance.now()];
  for (let second = 0; second < 9; second++) {
    await batch.publish(50);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  const calls = await world.ratesCalls() - callsBefore;
  const most = members.length * (Math.floor((performance.now() - begun) / ttlMs) + 1);
  ok(calls >= 1 && calls <= most, `${calls} calls of 2 subscribers, at most ${most}`);
  const alone = "Redis does not answer; calling the rates API at most once per RATES_TTL_MS";
  for (const member of members) ok(member.messages.includes(alone), "it says so");

  await heal(world);
  for (const member of members) {
    // It looks at Redis when it next needs rates.
    for (let n = 0; n < 12 && !member.messages.includes("Redis answers again; rates are shared again"); n++) {
      await batch.publish(50);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    ok(member.messages.includes("Redis answers again; rates are shared again"));
  }
  await batch.close();
  await checkAllStored(world, ledger, ledger.attempted);
  strictEqual(ledger.confirmed, ledger.attempted);
}

Deno.test("Redis killed: each subscriber calls the rates API at most once per TTL, every event is stored, Redis is used when back", async () => {
  await under(({ servers }) => servers.kill("redis"), ({ servers }) => servers.restart());
});

Deno.test("Redis swallows what it is sent: the same", async () => {
  await under(
    ({ servers }) => Promise.resolve(servers.proxies.redis.poison({ kind: "black-hole" })),
    ({ servers }) => Promise.resolve(servers.proxies.redis.poison()),
  );
});
