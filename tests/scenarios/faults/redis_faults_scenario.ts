/** Faults of Redis: each subscriber fetches its own rates and says so. When Redis is back, they share rates again. */
import { ok, strictEqual } from "node:assert/strict";
import { hasLogged } from "../../../tools/demo/members.ts";
import { checkAllStored, queues } from "../../harness/batch.ts";
import type { PrivateServers } from "../../harness/private_servers.ts";
import { sharedWorld } from "./shared_world.ts";

const ttlMs = 2_000;
const test = sharedWorld({ RATES_TTL_MS: String(ttlMs) });

interface Fault {
  readonly name: string;
  begin(servers: PrivateServers): Promise<void> | void;
  end(servers: PrivateServers): Promise<void> | void;
}

const faults: readonly Fault[] = [
  {
    name:
      "Redis killed: each subscriber calls the rates API at most once per TTL, every event is stored, Redis is used when back",
    begin: (servers) => servers.kill("redis"),
    end: (servers) => servers.restart(),
  },
  {
    name: "Redis swallows what it is sent: the same",
    begin: ({ proxies }) => proxies.redis.poison({ kind: "black-hole" }),
    end: ({ proxies }) => proxies.redis.poison(),
  },
];

for (const { name, begin, end } of faults) {
  test(name, async ({ world, batch, ledger, subscribers }) => {
    /** Subscribers ask for rates only while events arrive. */
    const publishUntil = async (isOver: () => boolean) => {
      for (let n = 0; n < 120 && !isOver(); n++) {
        await batch.publish(20);
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    };
    const allSay = (code: string) => subscribers.every((subscriber) => hasLogged(subscriber, code));

    await batch.publish(200);
    await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE);
    await begin(world.servers);
    const [callsBefore, begun] = [await world.ratesCalls(), performance.now()];
    await publishUntil(() => performance.now() - begun > 3 * ttlMs && allSay("redis.away"));
    ok(allSay("redis.away"));
    const calls = await world.ratesCalls() - callsBefore;
    const most = subscribers.length * (Math.floor((performance.now() - begun) / ttlMs) + 1);
    ok(calls >= 1 && calls <= most, `${calls} calls of 2 subscribers, at most ${most}`);

    await end(world.servers);
    await publishUntil(() => allSay("redis.back"));
    ok(allSay("redis.back"));
    await checkAllStored(world, ledger, ledger.attempted);
    strictEqual(ledger.confirmed, ledger.attempted);
  }, { subscribers: 2 });
}
