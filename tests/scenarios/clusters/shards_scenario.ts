/** From one events queue to four and back while events arrive, as docs/scale.md has it, on private servers. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { Batch, checkAllStored, queues } from "../../harness/batch.ts";
import { Ledger } from "../../harness/ledger.ts";
import { PrivateWorld } from "../../harness/private_world.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { shardQueuesOf } from "../../../shared/runtime/configuration/queue_names.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import type { Member } from "../../../tools/demo/members.ts";

const four = { EVENTS_SHARDS: "4" };
const names = shardQueuesOf(queues.EVENTS_QUEUE, 4);
const others = names.slice(1);
const ids = ["subscriber-1", "subscriber-2"];

Deno.test("a move from one events queue to four and back while events arrive: nothing is lost or duplicated", async (t) => {
  await using world = await PrivateWorld.start();
  const ledger = new Ledger();
  await world.startRatesApi();
  const subscribers = new Map<string, Member>();
  const start = async (id: string, env: Record<string, string> = {}) => {
    const member = world.startSubscriber(id, env, { onLine: (line) => ledger.report(line) });
    subscribers.set(id, member);
    await world.members.untilLogged(member, "consumer.ready");
  };
  /** One subscriber after the other, each with new settings. */
  const restart = async (env: Record<string, string> = {}) => {
    for (const id of ids) {
      await world.stop(subscribers.get(id)!);
      await start(id, env);
    }
  };
  const lengths = () => Promise.all(names.map((name) => world.messagesIn(name)));

  for (const id of ids) await start(id);
  const load = (seed: number, shards: number) =>
    new Load(new Batch(world.env["RABBITMQ_URL"]!, ledger, seed, BigInt(seed) * 1_000_000n, shards));
  let publisher = load(1, 1);
  try {
    await t.step("to four: queues, subscribers, publishers", async () => {
      match(
        await world.members.runToEnd("provision", [], { ...world.env, ...four }),
        /The queue casino\.events\.queue\.3 exists and is bound to the exchange casino\.events\.shards/,
      );
      await restart(four);
      const former = publisher;
      publisher = load(2, 4);
      await former.stop();
      const { sent } = publisher;
      await eventually("events by shard", () => publisher.sent > sent + 1_000 || undefined);
    });

    await t.step("all four queues hold events while no subscriber runs", async () => {
      for (const id of ids) await world.stop(subscribers.get(id)!);
      await eventually("events in each", async () => (await lengths()).every((length) => length > 20) || undefined);
    });

    await t.step("back to one: publishers, the rest of the queues, subscribers, queues", async () => {
      const former = publisher;
      publisher = load(3, 1);
      await former.stop();
      const rest = await lengths();
      ok(rest.every((length) => length > 20), `events wait in all queues: ${rest}`);
      for (const id of ids) await start(id, four);
      await eventually("no more of the other shards", async () => (await lengths()).slice(1).every((n) => n === 0));
      await restart();
      const removed = await world.members.runToEnd("provision", ["--remove-shards"], world.env);
      for (const name of others) match(removed, new RegExp(`Deleted the empty queue ${name}\\.`));
      const listed = await world.servers.rabbitmqctl("-q", "list_queues", "name", "--formatter", "json");
      deepStrictEqual(
        JSON.parse(listed).map(({ name }: { name: string }) => name).sort(),
        [queues.DEAD_LETTER_QUEUE, queues.EVENTS_QUEUE].sort(),
      );
    });
  } finally {
    await publisher.stop();
  }
  console.log(`${ledger.confirmed} events`);
  await checkAllStored(world, ledger, ledger.attempted);
});

/** A publisher that publishes about 2,000 events a second until it is stopped. */
class Load {
  sent = 0;
  #stopped = false;
  readonly #publishing: Promise<void>;

  constructor(private readonly batch: Batch) {
    this.#publishing = this.#publish();
  }

  /** Resolves when all its events are confirmed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#publishing;
    await this.batch.close();
  }

  async #publish(): Promise<void> {
    while (!this.#stopped) {
      await this.batch.publish(100);
      this.sent += 100;
      await clock.sleep(50);
    }
  }
}
