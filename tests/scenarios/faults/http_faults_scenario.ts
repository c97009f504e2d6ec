/** When something breaks, a subscriber's HTTP says what it is, and when it is well again, that too. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { get, getJson, untilAnswered, urlOf } from "../../harness/http.ts";
import { PrivateWorld } from "../../harness/private_world.ts";

interface Fault {
  readonly name: string;
  /** Of the metric. */
  readonly label: string;
  /** What the first problem says. */
  readonly says: RegExp;
  readonly ready: boolean;
  break(world: PrivateWorld): Promise<void> | void;
  heal(world: PrivateWorld): Promise<void> | void;
}

const refuse = { kind: "refuse" } as const;

const faults: readonly Fault[] = [
  {
    name: "Redis",
    label: "redis",
    says: /^Redis does not serve \(.+\): each subscriber calls the rates API for itself/,
    ready: true,
    break: ({ servers }) => servers.proxies.redis.poison(refuse),
    heal: ({ servers }) => servers.proxies.redis.poison(),
  },
  {
    name: "Postgres",
    label: "postgres",
    says: /^Postgres does not serve \(.+\): events are held until it takes them/,
    ready: false,
    break: ({ servers }) => servers.proxies.postgres.poison(refuse),
    heal: ({ servers }) => servers.proxies.postgres.poison(),
  },
  {
    name: "RabbitMQ",
    label: "rabbitmq",
    says: /^RabbitMQ does not serve \(.+\): nothing is taken from the queue/,
    ready: false,
    break: ({ servers }) => servers.proxies.rabbitmq.poison(refuse),
    heal: ({ servers }) => servers.proxies.rabbitmq.poison(),
  },
  {
    name: "Rates API",
    label: "rates_api",
    says: /^Rates API does not serve \(.+\): the rates in the cache serve/,
    ready: true,
    break: (world) => world.stop(world.ratesApi!),
    heal: (world) => world.startRatesApi(),
  },
];

Deno.test("each server that breaks is named with its problem, and no longer once it is back", async () => {
  await using world = await PrivateWorld.start();
  await world.startRatesApi();
  const member = world.startSubscriber("one", {}, { http: "127.0.0.1:0" });
  await world.members.untilLogged(member, "Consuming");
  const url = urlOf(member);
  const overview = () => getJson(`${url}/overview`);
  const isWell = ({ problems }: { problems: string[] }) => problems.length === 0;
  await untilAnswered(overview, isWell, "all is well at first");
  for (const { name, label, says, ready, break: breakIt, heal } of faults) {
    await breakIt(world);
    const broken = await untilAnswered(overview, ({ problems }) => says.test(problems[0] ?? ""), `${name} is named`);
    deepStrictEqual(
      broken.dependencies.filter(({ ok }: { ok: boolean }) => !ok).map(({ name }: { name: string }) => name),
      [name],
    );
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
    await heal(world);
    await untilAnswered(overview, isWell, `${name} is well again`);
    strictEqual(
      (await untilAnswered(
        () => get(`${url}/health/ready`).then((answer) => answer.json()),
        (state) => state.ready,
        "ready",
      ))
        .why_not.length,
      0,
    );
  }
  deepStrictEqual(world.crashes, []);
});

Deno.test("a subscriber whose broker has fallen silent leaves in time, HTTP and all", async () => {
  await using world = await PrivateWorld.start();
  await world.startRatesApi();
  const member = world.startSubscriber("one", {}, { http: "127.0.0.1:0" });
  await world.members.untilLogged(member, "Consuming");
  await getJson(`${urlOf(member)}/overview`);
  world.servers.proxies.rabbitmq.poison({ kind: "black-hole" });
  await world.stop(member);
  deepStrictEqual([(await member.ended).code, member.messages.at(-1)], [0, "Left"]);
});

Deno.test("events that Postgres keeps waiting are seen to wait, by the subscriber that holds them", async () => {
  await using world = await PrivateWorld.start();
  await world.startRatesApi();
  const member = world.startSubscriber("one", {}, { http: "127.0.0.1:0" });
  await world.members.untilLogged(member, "Consuming");
  const overview = () => getJson(`${urlOf(member)}/overview`);
  strictEqual((await overview()).queue.oldest_ms, 0);
  world.servers.proxies.postgres.poison(refuse);
  await world.members.runToEnd("publisher", ["--count", "50"], world.env);
  const { queue } = await untilAnswered(overview, ({ queue }) => queue?.oldest_ms > 2_000, "they are held");
  deepStrictEqual([queue.messages, queue.in_hand], [0, 50]);
  world.servers.proxies.postgres.poison();
  await untilAnswered(overview, ({ queue }) => queue?.oldest_ms === 0 && queue.in_hand === 0, "they are stored");
});
