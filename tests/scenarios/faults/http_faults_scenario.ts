/** When something breaks, a subscriber's HTTP names it; once it is well again, HTTP shows that too. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { Member } from "../../../tools/demo/members.ts";
import { get, getJson, untilAnswered, urlOf } from "../../harness/http.ts";
import type { PrivateWorld } from "../../harness/private_world.ts";
import { sharedWorld, type TestWorld } from "./shared_world.ts";

interface Fault {
  readonly name: string;
  /** Label of the metric. */
  readonly label: string;
  /** Matches the first problem. */
  readonly says: RegExp;
  readonly ready: boolean;
  begin(world: PrivateWorld): Promise<void> | void;
  end(world: PrivateWorld): Promise<void> | void;
}

const refused = (server: "redis" | "postgres" | "rabbitmq"): Pick<Fault, "label" | "begin" | "end"> => ({
  label: server,
  begin: ({ servers }) => servers.proxies[server].poison({ kind: "refuse" }),
  end: ({ servers }) => servers.proxies[server].poison(),
});

const faults: readonly Fault[] = [
  {
    name: "Redis",
    ...refused("redis"),
    says: /^Redis is not available \(.+\): each subscriber calls the rates API itself/,
    ready: true,
  },
  {
    name: "Postgres",
    ...refused("postgres"),
    says: /^Postgres is not available \(.+\): subscribers hold events until Postgres accepts them/,
    ready: false,
  },
  {
    name: "RabbitMQ",
    ...refused("rabbitmq"),
    says: /^RabbitMQ is not available \(.+\): no events are consumed/,
    ready: false,
  },
  {
    name: "Rates API",
    label: "rates_api",
    says: /^Rates API is not available \(.+\): (the cached rates are used|no rates are left)/,
    ready: true,
    begin: (world) => world.stop(world.ratesApi!),
    end: (world) => world.startRatesApi(),
  },
];

const test = sharedWorld();

async function startServing({ world, start }: TestWorld): Promise<{ member: Member; url: string }> {
  const member = start("one", {}, { http: "127.0.0.1:0" });
  await world.members.untilLogged(member, "consumer.ready");
  return { member, url: urlOf(member) };
}

test("each server that breaks is named with its problem, and no longer once it is back", async (given) => {
  const { world } = given;
  const { url } = await startServing(given);
  const overview = () => getJson(`${url}/overview`);
  const isWell = ({ problems }: { problems: string[] }) => problems.length === 0;
  await untilAnswered(overview, isWell, "all is well at first");
  for (const { name, label, says, ready, begin, end } of faults) {
    await begin(world);
    const broken = await untilAnswered(overview, ({ problems }) => says.test(problems[0] ?? ""), `${name} is named`);
    const away = broken.dependencies.filter(({ ok }: { ok: boolean }) => !ok);
    deepStrictEqual(away.map(({ name }: { name: string }) => name), [name]);
    for (const problem of broken.problems) strictEqual(/:\/\/[^*]*:[^*]*@/.test(problem), false, problem);
    const metrics = await get(`${url}/metrics`);
    const told = await metrics.text();
    strictEqual(metrics.status, 200, told);
    strictEqual(/^casino_queue_(messages|consumers)/m.test(told), name !== "RabbitMQ", told);
    match(told, new RegExp(`^casino_dependency_up\\{dependency="${label}"\\} 0$`, "m"));
    const readiness = await get(`${url}/health/ready`);
    const { why_not } = await readiness.json();
    strictEqual(readiness.status, ready ? 200 : 503, name);
    if (!ready) match(why_not.join(" "), new RegExp(name));
    await end(world);
    await untilAnswered(overview, isWell, `${name} is well again`);
    const state = await untilAnswered(() => getJson(`${url}/health/ready`), ({ ready }) => ready, "ready");
    deepStrictEqual(state.why_not, []);
  }
  deepStrictEqual(world.crashes, []);
});

test("a subscriber whose broker has fallen silent leaves in time, HTTP and all", async (given) => {
  const { member, url } = await startServing(given);
  await getJson(`${url}/overview`);
  given.world.servers.proxies.rabbitmq.poison({ kind: "black-hole" });
  await given.world.stop(member);
  deepStrictEqual([(await member.ended).code, member.lastFields["event"]], [0, "member.left"]);
});

test("events that Postgres keeps waiting are seen to wait, by the subscriber that holds them", async (given) => {
  const { url } = await startServing(given);
  const overview = () => getJson(`${url}/overview`);
  strictEqual((await overview()).queue.oldest_ms, 0);
  given.world.servers.proxies.postgres.poison({ kind: "refuse" });
  await given.batch.publish(50);
  const { queue } = await untilAnswered(overview, ({ queue }) => queue?.oldest_ms > 2_000, "they are held");
  deepStrictEqual([queue.messages, queue.in_hand], [0, 50]);
  given.world.servers.proxies.postgres.poison();
  await untilAnswered(overview, ({ queue }) => queue?.oldest_ms === 0 && queue.in_hand === 0, "they are stored");
});
