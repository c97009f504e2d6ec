/** Private servers for all tests of a file. They start once, and each test finds them running and empty. */
import { Batch, queues } from "../../harness/batch.ts";
import { Ledger } from "../../harness/ledger.ts";
import { PrivateWorld } from "../../harness/private_world.ts";
import type { Member, StartOptions } from "../../../tools/demo/members.ts";

type Env = Readonly<Record<string, string>>;

export interface TestOptions {
  /** How many subscribers start at once. */
  readonly subscribers?: number;
  /** Settings of these subscribers, in addition to those of the file. */
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
 * @returns a function that declares a test with a rates API, and with subscribers that report into its ledger
 */
export function sharedWorld(settings: Env = {}) {
  let world: PrivateWorld | undefined;
  Deno.test.afterAll(() => world?.[Symbol.asyncDispose]());
  // Deno's sanitizers report a leak when a test ends a server that another test started.
  const sanitizers = { sanitizeOps: false, sanitizeResources: false };

  return (
    name: string,
    use: (test: TestWorld) => Promise<void>,
    { subscribers = 0, env = {}, ignore = false }: TestOptions = {},
  ): void =>
    Deno.test({ name, ignore, ...sanitizers }, async () => {
      const ours = world ??= await PrivateWorld.start(settings);
      await empty(ours);
      const ledger = new Ledger();
      const batch = new Batch(ours.env["RABBITMQ_URL"]!, ledger);
      const start: TestWorld["start"] = (id, env, options) =>
        ours.startSubscriber(id, env, { onLine: (line) => ledger.report(line), ...options });
      try {
        await ours.startRatesApi();
        const started = Array.from({ length: subscribers }, (_, n) => start(`subscriber-${n + 1}`, env));
        await use({ world: ours, batch, ledger, subscribers: started, start });
        ours.heal();
        await ours.members.stopAll();
      } catch (error) {
        // The test may have left servers broken, so the next test gets new ones.
        world = undefined;
        await ours[Symbol.asyncDispose]();
        throw error;
      } finally {
        await batch.close();
      }
    });
}

async function empty(world: PrivateWorld): Promise<void> {
  world.crashes.length = 0;
  await world.withSql((sql) =>
    sql.query(
      "truncate events, batch_totals, event_counts, player_totals, player_leaders, dead_letters, dead_letter_edits, jobs",
    )
  );
  await world.withChannel(async (channel) => {
    for (const queue of [queues.EVENTS_QUEUE, queues.DEAD_LETTER_QUEUE]) await channel.deleteQueue(queue);
  });
}
