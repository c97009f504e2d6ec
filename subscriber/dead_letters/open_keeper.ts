import type { BrokerOptions } from "../../shared/rabbitmq/connection.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import type { TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { settledWithin } from "../../shared/runtime/deadline.ts";
import { DeadLetterKeeper } from "./keeper/keeper.ts";
import { keepHealing } from "./heal.ts";
import { keepRunningJobs } from "./jobs/job_runner.ts";
import { KeeperState } from "./keeper/keeper_state.ts";
import { LetterTable } from "./letter_table.ts";
import { keepRemoving } from "./remove_old.ts";
import { keepResolving } from "./resolve.ts";
import { workIn } from "./work.ts";

export type KeeperSettings =
  & TopologyConfig
  & Pick<
    Config,
    | "DATABASE_TIMEOUT_MS"
    | "DATABASE_URL"
    | "DEAD_LETTER_KEEPER"
    | "DEAD_LETTER_QUEUE"
    | "DEAD_LETTER_RETENTION_DAYS"
    | "DEAD_LETTER_RABBITMQ_URL"
    | "RABBITMQ_URL"
  >;

/** A subscriber's keeper, with its own connections: letters never wait behind batches, nor batches behind letters. */
export interface OpenKeeper {
  readonly state: KeeperState;
  close(): Promise<void>;
}

/** Time for work under way to finish, and then for the rest to notice that its connections are closed (ms). */
const [finishMs, closeTimeoutMs] = [500, 2_500];

/** Opens the keeper and its background work. With DEAD_LETTER_KEEPER=off, opens nothing. */
export function openKeeper(
  broker: Omit<BrokerOptions, "name" | "url">,
  settings: KeeperSettings,
  subscriberId: string,
  ratesAreFresh: () => Promise<boolean>,
): OpenKeeper {
  const queue = settings.DEAD_LETTER_QUEUE;
  const state = new KeeperState(queue);
  if (settings.DEAD_LETTER_KEEPER === "off") {
    broker.log.info("Dead letters stay in their queue: DEAD_LETTER_KEEPER=off", { event: "dead_letters.off", queue });
    return { state, close: () => Promise.resolve() };
  }
  const name = `${subscriberId} keeper`;
  const database = new DatabasePool(settings.DATABASE_URL, {
    ...{ name: `casino-subscriber ${name}`, max: 1, timeoutMs: settings.DATABASE_TIMEOUT_MS, clock: broker.clock },
  });
  const url = settings.DEAD_LETTER_RABBITMQ_URL ?? settings.RABBITMQ_URL;
  const keeper = new DeadLetterKeeper({ ...broker, url, name, queue, table: new LetterTable(database), state });
  const work = workIn(database, broker.clock);
  const stop = new AbortController();
  const resolving = keepResolving(
    { database, owner: subscriberId, work, clock: broker.clock, log: broker.log },
    stop.signal,
  );
  const working = keepRunningJobs(
    { ...broker, url, name, database, config: settings, owner: subscriberId, work },
    stop.signal,
  );
  const { clock, random, log } = broker;
  const healing = keepHealing({ database, owner: subscriberId, work, ratesAreFresh, clock, random, log }, stop.signal);
  const days = settings.DEAD_LETTER_RETENTION_DAYS;
  const removing = keepRemoving({ database, owner: subscriberId, days, clock, log }, stop.signal);
  return {
    state,
    async close() {
      stop.abort(new Error("the keeper is closed"));
      const ended = Promise.allSettled([keeper.close(), resolving, working, healing, removing]);
      await settledWithin(finishMs, clock, ended);
      // Closing the pool ends the work that still waits for Postgres.
      await Promise.all([database.close(), settledWithin(closeTimeoutMs, clock, ended)]);
    },
  };
}
