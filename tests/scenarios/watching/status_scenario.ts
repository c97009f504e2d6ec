/** `deno task status` compared with the servers, and with one server away. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { closeRedis, openRedis } from "../../../shared/redis/client.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { servers } from "../../servers/servers.ts";
import { TcpProxy } from "../../servers/tcp_proxy.ts";
import { freePort, Members } from "../../../tools/demo/members.ts";
import type { Status } from "../../../tools/status/status.ts";
import { parseTask, readTasks } from "../../../tools/tasks/task_line.ts";
import { project, withWorld, type World } from "../../harness/world.ts";

const members = new Members(project);
const bare = { NO_COLOR: "1" };

async function readJson(world: World, env: Record<string, string> = {}): Promise<{ code: number; status: Status }> {
  const { code, stdout } = await members.run("status", ["--json"], { ...bare, ...world.env, ...env });
  return { code, status: JSON.parse(stdout) };
}

/** Narrows a part to one without a problem. */
function told<T extends { problem: string | null }>(part: T): Extract<T, { problem: null }> {
  strictEqual(part.problem, null);
  return part as Extract<T, { problem: null }>;
}

const away = {
  RABBITMQ_URL: { part: "queues", says: /^RabbitMQ does not answer at 127\.0\.0\.1:\d+ / },
  REDIS_URL: { part: "rates", says: /^Redis does not answer at 127\.0\.0\.1:\d+ / },
  DATABASE_URL: { part: "totals", says: /^Postgres does not answer at 127\.0\.0\.1:\d+ / },
} as const;

Deno.test("deno task status", async (t) => {
  await withWorld(async (world) => {
    await t.step("status shows the state of RabbitMQ, Redis and Postgres, as JSON and on a screen", async () => {
      const before = await readJson(world);
      strictEqual(before.code, 0);
      deepStrictEqual(told(before.status.queues).events, { name: world.events, messages: null, consumers: null });
      deepStrictEqual([told(before.status.rates).state, told(before.status.totals).events_total], ["none", 0]);

      await world.startRatesApi();
      const subscriber = await world.startSubscriber("subscriber-1");
      await world.publish("--count", "300", "--seed", "7");
      await world.publish("--input", "samples/events.ndjson");
      const dead = 1;
      await world.untilSettled(326, dead);
      // Deliveries in hand are known from the subscribers' last reports, once a second.
      const { code, status } = await eventually("nothing in hand", async () => {
        const read = await readJson(world);
        const settled = read.status.lag.unacknowledged === 0 && told(read.status.totals).dead_letters === dead;
        return settled ? read : undefined;
      });
      const rows = await world.rows();
      strictEqual(code, 0);
      deepStrictEqual(status.queues, {
        events: { name: world.events, messages: 0, consumers: 1 },
        dead_letters: { name: world.dead, messages: 0, consumers: 1 },
        problem: null,
      });
      deepStrictEqual(status.lag, { messages: 0, ready: 0, unacknowledged: 0, seconds: 0, until: null });
      deepStrictEqual(
        told(status.subscribers).subscribers.map(({ id, state, events }) => [id, state, events]),
        [["subscriber-1", "working", 0]],
      );
      const { events_total, events_per_minute, events_per_second_moving_average, subscribers } = told(status.totals);
      deepStrictEqual([events_total, events_per_minute], [rows, rows]);
      deepStrictEqual([told(status.totals).history?.step_seconds, status.catch_up.state], [900, "none"]);
      strictEqual(events_per_second_moving_average, Math.round(rows / 60 * 1_000) / 1_000);
      deepStrictEqual(subscribers, [{ id: "subscriber-1", events_per_minute: rows }]);
      const rates = told(status.rates);
      deepStrictEqual([rates.state, rates.as_of, rates.lock.state], ["fresh", "2024-06-28T14:00:00.000Z", "free"]);
      strictEqual(rates.fresh_ms! > 0 && rates.fresh_ms! <= 60_000, true, `${rates.fresh_ms} ms fresh`);

      await world.stop(subscriber);
      await world.publish("--count", "12", "--seed", "8");
      const { stdout } = await members.run("status", [], { ...bare, ...world.env });
      match(stdout, new RegExp(`^Events +12 events in ${world.events}, no subscriber is consuming$`, "m"));
      match(stdout, /^Dead letters +1 letter; see `deno task dead groups`$/m);
      match(stdout, /^Lag +12 events; until a subscriber runs$/m);
      match(stdout, /^Rates +fresh for \S+ s more; 31 currencies as of 2024-06-28T14:00:00\.000Z$/m);
      match(stdout, new RegExp(`^Totals +${rows} events stored; ${rows} in the last minute`, "m"));
    });
    await t.step("status names the server that is away, shows the others, and exits with 1", async () => {
      for (const [setting, { part, says }] of Object.entries(away)) {
        const url = new URL(world.env[setting]!);
        url.port = String(freePort());
        const { code, status } = await readJson(world, { [setting]: url.href });
        strictEqual(code, 1, setting);
        match(String(status[part].problem), says);
        for (const other of ["queues", "rates", "totals"] as const) {
          if (other !== part) strictEqual(status[other].problem, null, `${other} without ${setting}`);
        }
      }
    });
    await t.step(
      "status names the command for missing tables, and explains wrong arguments",
      async () => {
        const { code, status } = await readJson(world, { DATABASE_URL: servers.DATABASE_URL + "?search_path=nowhere" });
        strictEqual(code, 1);
        match(String(status.totals.problem), /"\w+" does not exist; run `deno task migrate`/);
        for (const args of [["5"], ["--watch", "0"], ["--watch", "soon"], ["--watch", "1", "2"], ["--interval", "1"]]) {
          strictEqual((await members.run("status", args, bare)).code, 2, args.join(" "));
        }
      },
    );
    await t.step("status --watch continues while a server is away, and shows it again when it is back", async () => {
      for (const [setting, { part }] of Object.entries(away)) {
        await using proxy = await TcpProxy.before(world.env[setting]!);
        const seen: (string | null)[] = [];
        const env = { ...bare, ...world.env, [setting]: proxy.url };
        const onLine = (line: string) => void seen.push((JSON.parse(line) as Status)[part].problem);
        const watching = members.start("status", ["--watch", "0.2", "--json"], env, { onLine });
        await eventually("two looks", () => seen.length >= 2 || undefined);
        proxy.poison({ kind: "refuse" });
        await eventually(`the absence of ${setting}`, () => seen.at(-1) !== null || undefined);
        proxy.poison();
        await eventually(`the return of ${setting}`, () => seen.at(-1) === null || undefined);
        await members.stop(watching);
        strictEqual((await watching.ended).code, 0, "all was well at last");
      }
    });
    await t.step("status --watch exits at once on a signal", async () => {
      const seen: string[] = [];
      const env = { ...bare, ...world.env };
      const onLine = (line: string) => void seen.push(line);
      const watching = members.start("status", ["--watch", "3600"], env, { onLine });
      await eventually("a look", () => seen.length > 0 || undefined);
      let code: number | undefined;
      watching.ended.then((status) => code = status.code);
      members.signal(watching, "SIGINT");
      await eventually("its end", () => code);
      strictEqual(code, 0);
      await watching.read;
    });
    await t.step("status uses colours only on a terminal without NO_COLOR", async () => {
      const colour = "\x1b[";
      const { stdout } = await members.run("status", [], { ...world.env, NO_COLOR: "" });
      strictEqual(stdout.includes(colour), false, "a pipe");
      strictEqual((await onTerminal(world, { TERM: "xterm" })).includes(`${colour}2mLock`), true, "a terminal");
      strictEqual((await onTerminal(world, { TERM: "xterm", NO_COLOR: "1" })).includes(colour), false, "NO_COLOR");
    });
    await t.step("status shows stale rates, and a held or paused lock", async () => {
      const redis = await openRedis(servers.REDIS_URL, { name: world.events, log: silentLog });
      const [rates, lock] = [`${world.events}:{rates}:current`, `${world.events}:{rates}:lock`];
      const value = { v: 1, base: "EUR", as_of_ms: Date.UTC(2024, 5, 28), rates: { USD: "1.0705" }, stale_ms: 60_000 };
      const seen = async () => {
        const { state, as_of, lock } = told((await readJson(world)).status.rates);
        return [state, as_of, lock.state, lock.holder];
      };
      await redis.set(rates, JSON.stringify(value), "PX", 50_000);
      await redis.set(lock, "subscriber-9/0123456789abcdef", "PX", 50_000);
      deepStrictEqual(await seen(), ["stale", "2024-06-28T00:00:00.000Z", "held", "subscriber-9"]);
      await redis.set(rates, "not ours", "PX", 50_000);
      await redis.set(lock, "paused", "PX", 50_000);
      deepStrictEqual(await seen(), ["none", null, "paused", null]);
      strictEqual(await redis.get(rates), "not ours", "who looks changes nothing");
      await closeRedis(redis);
    });
  });
});

/** Returns the output on a terminal, with util-linux's script. */
async function onTerminal(world: World, env: Record<string, string>): Promise<string> {
  const { flags, program } = parseTask(readTasks(project)["status"]!);
  const command = `${Deno.execPath()} run ${flags.join(" ")} ${program}`;
  const inherited = Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => name !== "NO_COLOR"));
  const { stdout } = await new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", command, "/dev/null"],
    cwd: project,
    clearEnv: true,
    env: { ...inherited, ...world.env, ...env },
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}
