/** The lock on fetching rates, under processes that are stopped and killed. */
import { ok, strictEqual } from "node:assert/strict";
import { noFaults } from "../../../rates-api/faults.ts";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { holderOf } from "../../../subscriber/rates/shared_rates.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { PrivateWorld } from "../../harness/private_world.ts";
import { withWorld } from "../../harness/world.ts";
import { publishBet } from "../../servers/test_queues.ts";
import { withRedis } from "../../harness/private_servers.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("a lock holder that stood still past its lease: another subscriber has fetched, and the late write is rejected", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const env = { RATES_CALL_TIMEOUT_MS: "500", RATES_LOCK_TTL_MS: "1000", RATES_WAIT_MS: "20000" };
    const sleeper = world.launchDyingSubscriber("sleeper", { ...env, PAUSE_AT: "fetched", PREFETCH: "1" });
    await world.untilLogged(sleeper, "consumer.ready");
    publishBet(world, 1);
    await eventually("the sleeper's call", async () => (await world.ratesStats()).answered === 1 || undefined);

    await withRedis(world.env["REDIS_URL"]!, async (redis) => {
      const key = `${world.env["REDIS_KEY_PREFIX"]}{rates}:current`;
      strictEqual(await redis.get(key), null, "it stands still before it writes");
      await world.startSubscriber("other", env);
      publishBet(world, 2);
      await eventually("the other's rates", async () => await redis.get(key) ?? undefined);
      const before = await redis.pttl(key);
      await pause(300);
      sleeper.child.kill("SIGCONT");
      await world.untilLogged(sleeper, "rates.not_stored");
      const after = await redis.pttl(key);
      ok(after < before, `the late one has not written: ${before} ms to live, then ${after}`);
    });
    await world.untilSettled(2);
    strictEqual((await world.ratesStats()).calls, 2);
  });
});

const [processes, ttlMs, forMs] = [32, 500, 30_000];
const prefix = "lock:";

Deno.test(`${processes} processes, stopped and killed for half a minute, lock holders included, make at most elapsed/TTL + expired locks + 1 calls`, async () => {
  await using world = await PrivateWorld.start({
    ...{ RATES_TTL_MS: String(ttlMs), RATES_CALL_TIMEOUT_MS: "400", RATES_LOCK_TTL_MS: "600", RATES_WAIT_MS: "3000" },
    REDIS_KEY_PREFIX: prefix,
  });
  await world.startRatesApi();
  await world.setRatesFaults({ ...noFaults, delayMs: 50, jitterMs: 150, delayShare: 1 });
  const { REDIS_URL } = world.servers.direct;
  await withRedis(REDIS_URL, (redis) =>
    withRedis(REDIS_URL, async (listener) => {
      await redis.config("SET", "notify-keyspace-events", "Ex");
      let expired = 0;
      listener.on("message", (_channel, key) => key === `${prefix}{rates}:lock` && expired++);
      await listener.subscribe("__keyevent@0__:expired");

      const begun = performance.now();
      const { stops, kills } = await disturb(world, () => redis.get(`${prefix}{rates}:lock`));
      const elapsed = performance.now() - begun;
      const calls = await world.ratesCalls();
      const most = Math.floor(elapsed / ttlMs) + expired + 1;
      const told = `${calls} calls in ${Math.round(elapsed)} ms with ${expired} expired locks, ` +
        `${stops} stops, ${kills} kills`;
      ok(calls <= most, `${told}: more than ${most}`);
      ok(calls >= 10 && expired >= 5, `${told}: too little happened to tell`);
    }));
});

/** Starts the processes, then stops, continues and kills them at random. */
async function disturb(world: PrivateWorld, readLock: () => Promise<string | null>) {
  const program = { task: "subscriber", program: "tests/scenarios/events/rates_user.ts" };
  const start = (n: number) => world.startMember("rates-user", [], { SUBSCRIBER_ID: String(n) }, program);
  const members = Array.from({ length: processes }, (_, n) => start(n));
  await Promise.all(members.map((member) => world.members.untilLogged(member, "rates_user.ready")));

  const kill = async (n: number) => {
    await world.kill(members[n]!);
    members[n] = start(n);
  };
  /** Kills the next process that takes the lock, so that the lock has to expire. A call takes at least 50 ms. */
  const killHolder = async () => {
    const before = await readLock();
    const taken = await eventually("a process that takes the lock", async () => {
      const token = await readLock();
      return token !== null && token !== before && members[Number(holderOf(token))] ? token : undefined;
    });
    await kill(Number(holderOf(taken)));
  };
  const stop = async (n: number, ms: number) => {
    const member = members[n]!;
    world.members.signal(member, "SIGSTOP");
    await pause(ms);
    world.members.signal(member, "SIGCONT");
  };

  const random = seededRandom(1);
  const until = performance.now() + forMs;
  const stopped: Promise<void>[] = [];
  let kills = 0;
  while (performance.now() < until) {
    const n = random.int(0, processes - 1);
    if (random.next() >= 0.08) stopped.push(stop(n, random.int(100, 2_000)));
    else await (++kills % 2 === 0 ? killHolder() : kill(n));
    await pause(random.int(20, 150));
  }
  await Promise.all(stopped);
  return { stops: stopped.length, kills };
}
