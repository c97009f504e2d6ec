/** The lock on fetching rates, under processes that stand still and die. */
import { ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { noFaults } from "../../../rates-api/faults.ts";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { seededRandom } from "../../../shared/runtime/random.ts";
import { closeRedis, openRedis } from "../../../shared/redis/client.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { holderOf } from "../../../subscriber/rates/shared_rates.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { PrivateWorld } from "../../harness/private_world.ts";
import { withWorld } from "../../harness/world.ts";

Deno.test("a holder that stood still past its lock: another has fetched meanwhile, and the late write is refused", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const env = { RATES_CALL_TIMEOUT_MS: "500", RATES_LOCK_TTL_MS: "1000", RATES_WAIT_MS: "20000" };
    const sleeper = world.launchDyingSubscriber("sleeper", { ...env, PAUSE_AT: "fetched", PREFETCH: "1" });
    await world.untilLogged(sleeper, "Consuming");
    const publish = (id: bigint) => {
      const messageId = `00000000-0000-7000-8000-${String(id).padStart(12, "0")}`;
      world.channel.publish(world.events, "", Buffer.from(encodeEvent(bet({ id }))), { messageId });
    };
    publish(1n);
    await eventually("the sleeper's call", async () => (await world.ratesStats()).answered === 1 || undefined);

    const redis = await openRedis(world.env["REDIS_URL"]!, { name: "casino-test", log: silentLog });
    const key = `${world.env["REDIS_KEY_PREFIX"]}{rates}:current`;
    strictEqual(await redis.get(key), null, "it stands still before it writes");
    await world.startSubscriber("other", env);
    publish(2n);
    await eventually("the other's rates", async () => await redis.get(key) ?? undefined);
    const before = await redis.pttl(key);
    await new Promise((resolve) => setTimeout(resolve, 300));
    sleeper.child.kill("SIGCONT");
    await world.untilLogged(sleeper, "Fetched rates were not stored");
    const after = await redis.pttl(key);
    ok(after < before, `the late one has not written: ${before} ms to live, then ${after}`);
    await closeRedis(redis);
    await world.untilSettled(2);
    strictEqual((await world.ratesStats()).calls, 2);
  });
});

const [processes, ttlMs, forMs] = [32, 1_000, 60_000];

Deno.test(`${processes} processes, stopped and killed for a minute, holders of the lock among them: calls stay within elapsed/TTL + expired locks + 1`, async () => {
  const prefix = "lock:";
  await using world = await PrivateWorld.start({
    ...{ RATES_TTL_MS: String(ttlMs), RATES_CALL_TIMEOUT_MS: "400", RATES_LOCK_TTL_MS: "600", RATES_WAIT_MS: "3000" },
    REDIS_KEY_PREFIX: prefix,
  });
  await world.startRatesApi();
  await world.setRatesFaults({ ...noFaults, delayMs: 50, jitterMs: 150, delayShare: 1 });
  const redis = await openRedis(world.servers.direct.REDIS_URL, { name: "casino-test", log: silentLog });
  await redis.config("SET", "notify-keyspace-events", "Ex");
  let expired = 0;
  const listener = await openRedis(world.servers.direct.REDIS_URL, { name: "casino-test-listener", log: silentLog });
  listener.on("message", (_channel, key) => key === `${prefix}{rates}:lock` && expired++);
  await listener.subscribe("__keyevent@0__:expired");

  const program = { task: "subscriber", program: "tests/scenarios/events/rates_user.ts" };
  const start = (n: number) => world.startMember("rates-user", [], { SUBSCRIBER_ID: String(n) }, program);
  const begun = performance.now();
  const members = Array.from({ length: processes }, (_, n) => start(n));
  await Promise.all(members.map((member) => world.members.untilLogged(member, "Needing rates")));

  const kill = async (n: number) => {
    await world.kill(members[n]!);
    members[n] = start(n);
  };
  const lock = () => redis.get(`${prefix}{rates}:lock`);
  /** Kills whoever takes the lock next, which then has to expire: a call takes 50 ms at least. */
  const killHolder = async () => {
    const before = await lock();
    const taken = await eventually("a process that takes the lock", async () => {
      const token = await lock();
      return token !== null && token !== before && members[Number(holderOf(token))] ? token : undefined;
    });
    await kill(Number(holderOf(taken)));
  };

  const random = seededRandom(1);
  const until = performance.now() + forMs;
  const resuming: Promise<void>[] = [];
  let [stops, kills] = [0, 0];
  while (performance.now() < until) {
    const n = random.int(0, processes - 1);
    if (random.next() < 0.08) {
      if (++kills % 4 > 0) await kill(n);
      else await killHolder();
    } else {
      stops++;
      const member = members[n]!;
      world.members.signal(member, "SIGSTOP");
      const ms = random.int(100, 2_000);
      resuming.push(
        new Promise((resolve) => setTimeout(resolve, ms)).then(() => world.members.signal(member, "SIGCONT")),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, random.int(20, 150)));
  }
  await Promise.all(resuming);
  const elapsed = performance.now() - begun;
  const calls = await world.ratesCalls();
  const most = Math.floor(elapsed / ttlMs) + expired + 1;
  const told = `${calls} calls in ${
    Math.round(elapsed)
  } ms with ${expired} expired locks, ${stops} stops, ${kills} kills`;
  ok(calls <= most, `${told}: more than ${most}`);
  ok(calls >= 10 && expired > 0, `${told}: too little happened to tell`);
  await closeRedis(listener);
  await closeRedis(redis);
});
