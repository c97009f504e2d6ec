/** Private servers for all tests of a file: they start once, and each test finds them running and empty. */
import { Batch, queues } from "../../harness/batch.ts";
import { Ledger } from "../../harness/ledger.ts";
import { PrivateWorld } from "../../harness/private_world.ts";
import type { Member, StartOptions } from "../../../tools/demo/members.ts";

type Env = Readonly<Record<string, string>>;

export interface TestOptions {
  /** How many subscribers start at once. */
  readonly subscribers?: number;
  /** Settings of these subscribers, beside those of the file. */
  readonly env?: Env;
  readonly ignore?: boolean;
}

export interface TestWorld {
  readonly world: PrivateWorld;
  /** Events to publish. */
  readonly batch: Batch;
  readonly ledger: Ledger;
  readonly subscribers: readonly Member[];
  /** Starts one more subscriber that reports into the ledger. */
  start(id: string, env?: Env, options?: StartOptions & { readonly http?: string }): Member;
}

/**
 * @param settings of all members
 * @returns declares a test, which has a rates API, and subscribers that report into its ledger
 */
export function sharedWorld(settings: Env = {}) {
  let world: PrivateWorld;
  Deno.test.beforeAll(async () => {
    world = await PrivateWorld.start(settings);
  });
  Deno.test.afterAll(() => world[Symbol.asyncDispose]());
  // Deno's sanitizers take it for a leak when a test ends a server that runs since the file began.
  const sanitizers = { sanitizeOps: false, sanitizeResources: false };

  return (
    name: string,
    use: (test: TestWorld) => Promise<void>,
    { subscribers = 0, env = {}, ignore = false }: TestOptions = {},
  ): void =>
    Deno.test({ name, ignore, ...sanitizers }, async () => {
      await empty(world);
      const ledger = new Ledger();
      const batch = new Batch(world.env["RABBITMQ_URL"]!, ledger);
      const start: TestWorld["start"] = (id, env, options) =>
        world.startSubscriber(id, env, { onLine: (line) => ledger.report(line), ...options });
      try {
        await world.startRatesApi();
        const started = Array.from({ length: subscribers }, (_, n) => start(`subscriber-${n + 1}`, env));
        await use({ world, batch, ledger, subscribers: started, start });
      } finally {
        world.heal();
        await world.members.stopAll();
        await batch.close();
      }
    });
}

/** The test before may have failed at any point. */
async function empty(world: PrivateWorld): Promise<void> {
  await world.servers.restart();
  world.crashes.length = 0;
  await world.withSql((sql) => sql.query("truncate events, event_counts, player_totals, player_leaders"));
  await world.withChannel(async (channel) => {
    for (const queue of [queues.EVENTS_QUEUE, queues.DEAD_LETTER_QUEUE]) await channel.deleteQueue(queue);
  });
}
