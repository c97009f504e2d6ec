import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Delivery, EventQueue } from "../../shared/rabbitmq/delivery.ts";
import type { Dead } from "../../shared/rabbitmq/outcome.ts";
import { type Random, seededRandom } from "../../shared/runtime/random.ts";
import { bet, deliveryOf, deposit, gameStart, someRates } from "../../tests/fixtures/deliveries.ts";
import { shuttingDown, World } from "../../tests/fixtures/subscriber_world.ts";
import { RatesTimeout } from "../rates/source.ts";

const events = 40;

/** Makes deliveries, by kind. The database rejects the row of a `poisonous` one. */
const makers = {
  converted: () => deliveryOf(bet()),
  plain: () => deliveryOf(deposit()),
  moneyless: () => deliveryOf(gameStart()),
  poisonous: () => deliveryOf(bet()),
  undecodable: () => deliveryOf(new Uint8Array([0xff])),
};
type Kind = keyof typeof makers;
const kinds = Object.keys(makers) as Kind[];

function oneOf<T>(values: readonly T[], random: Random): T {
  return values[random.int(0, values.length - 1)]!;
}

/** A world whose database and rates are slow, fail and expire, as its seed determines. */
class UnkindWorld extends World {
  readonly kinds = new Map<string, Kind>();
  /** Whether a wait for rates may time out. */
  readonly timesOut: boolean;
  /** The database no longer fails. */
  isCalm = false;
  readonly #random: Random;

  constructor(seed: number) {
    super();
    const random = this.#random = seededRandom(seed);
    const { clock } = this;
    const [ratesMs, slowestMs] = [oneOf([50, 2_000, 60_000], random), oneOf([0, 200, 1_500], random)];
    const failures = random.int(0, 30);
    this.timesOut = random.int(0, 1) === 1;
    let freshUntil = 0;
    this.rates = {
      current: () => clock.monotonic() < freshUntil ? someRates : undefined,
      get: async () => {
        await clock.sleep(random.int(0, 400));
        if (this.timesOut && random.int(0, 4) === 0) throw new RatesTimeout("none in time");
        freshUntil = clock.monotonic() + ratesMs;
        return someRates;
      },
    };
    this.database.beforeEach = async (access, events) => {
      await clock.sleep(random.int(0, slowestMs));
      if (!this.isCalm && random.int(0, 99) < failures) throw shuttingDown();
      const poisonous = events.some(({ messageId }) => this.kinds.get(messageId) === "poisonous");
      if (access === "save" && poisonous) throw Object.assign(new Error("out of range"), { code: "22003" });
    };
  }

  async publishAll(): Promise<void> {
    for (let i = 0; i < events; i++) {
      const kind = oneOf(kinds, this.#random);
      const delivery = makers[kind]();
      this.kinds.set(delivery.messageId, kind);
      this.queue.publish(delivery);
      await this.pass(this.#random.int(0, 100));
    }
  }

  /** The queue, with a check that each acked event is stored and reported. */
  get checkedQueue(): EventQueue {
    return {
      take: (limit, signal) => this.queue.take(limit, signal),
      settle: (settlements) => {
        const reported = new Set(this.reported.map(({ messageId }) => messageId));
        for (const { delivery: { messageId }, outcome } of settlements) {
          if (outcome.kind !== "ack") continue;
          deepStrictEqual([this.database.events.has(messageId), reported.has(messageId)], [true, true]);
        }
        return this.queue.settle(settlements);
      },
    };
  }

  mayDie({ messageId }: Delivery, { reason }: Dead): boolean {
    const kind = this.kinds.get(messageId)!;
    if (reason === "rates-timeout") return this.timesOut && (kind === "converted" || kind === "poisonous");
    return reason === (kind === "poisonous" ? "store-rejected" : kind);
  }
}

Deno.test("Runner settles each delivery once and correctly, whatever the database and the rates do meanwhile", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const world = new UnkindWorld(seed);
    const running = world.start({ queue: world.checkedQueue, batchSize: 1 + seed % 8, batchesInFlight: 1 + seed % 3 });
    await world.publishAll();
    await world.pass(60_000);
    world.isCalm = true;
    await world.pass(240_000);
    const { acked, dead } = world.queue;
    strictEqual(new Set([...acked, ...dead.map(({ delivery }) => delivery.messageId)]).size, events, `seed ${seed}`);
    deepStrictEqual([acked.length + dead.length, world.reported.length], [events, acked.length], `seed ${seed}`);
    deepStrictEqual(dead.filter(({ delivery, outcome }) => !world.mayDie(delivery, outcome)), [], `seed ${seed}`);
    deepStrictEqual([world.stats.failures, world.gate.isOpen], [0, true], `seed ${seed}`);
    await world.finish(running);
  }
});
