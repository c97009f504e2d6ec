/** One campaign: a load under random faults, then recovery, then a count of what became of each message. */
import { isDeepStrictEqual } from "node:util";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { type Random, seededRandom } from "../../shared/runtime/random.ts";
import { lasting, materializedBySql } from "../servers/materialized_by_sql.ts";
import { noFaults } from "../../rates-api/faults.ts";
import { delay } from "../../tools/services/server.ts";
import { type Counts, Ledger } from "../harness/ledger.ts";
import { getJson, untilAnswered } from "../harness/http.ts";
import { queues } from "../harness/batch.ts";
import { MemoryLimit } from "../harness/memory_limit.ts";
import { PrivateWorld } from "../harness/private_world.ts";
import { TruthReader } from "./truth.ts";
import { createRoles, Workers } from "./workers.ts";
import { Demotions } from "./demotions.ts";
import { faultsOf } from "./faults.ts";
import { drawFrom, makeTrouble } from "./trouble.ts";
import { publishLoad } from "./load.ts";
import { watch } from "./watch.ts";

export interface CampaignOptions {
  readonly seed: number;
  /** Duration of the faults, in ms. */
  readonly troubleMs: number;
  readonly subscribers?: number;
  /** Events per second. */
  readonly rate?: number;
  /** Draws only faults whose name contains these words. */
  readonly only?: string;
  readonly say: (line: string) => void;
  /** Ends the faults early. The campaign still settles and counts. */
  readonly stop: AbortSignal;
}

export interface CampaignResult extends Counts {
  readonly seed: number;
  readonly faults: number;
  /** Valid events that were dead-lettered with `rates-timeout` or `delivery-limit`, and stored after a replay. */
  readonly replayed: number;
  /** Number of wrong answers from the page, the status, health or the metrics. */
  readonly toldWrongly: number;
  readonly seconds: number;
}

/**
 * A single node of RabbitMQ 3.10.8 loses a quorum queue, with its confirmed messages, when the node is killed within
 * about 1 s of the queue's declaration: Ra has not yet written its own files to disk. See docs/reliability.md.
 */
const warmUpMs = 4_000;
const settleTimeoutMs = 240_000;
const replayRounds = 6;
const mostLies = 20;
const refusedAtStart = "is not permitted to log in";
/** Reasons after which a replay may succeed. */
const curable = ["rates-timeout", "delivery-limit"];

/** @throws when the events do not settle in time after the faults end; any other failure shows in the counts */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seed, troubleMs, subscribers = 3, rate = 150, only = "", say, stop } = options;
  const random = seededRandom(seed);
  const begun = clock.monotonic();
  const tell = (line: string) => say(`${((clock.monotonic() - begun) / 1_000).toFixed(1).padStart(6)} s  ${line}`);
  const settings = drawSettings(random);
  tell(`seed ${seed}, ${Object.entries(settings).map(([name, value]) => `${name}=${value}`).join(" ")}`);

  await using groups = new AsyncDisposableStack();
  const limits = await Promise.all(Array.from({ length: subscribers }, () => MemoryLimit.ofSubscriber()));
  for (const limit of limits) groups.use(limit);
  if (!limits.every(Boolean)) tell("memory is not limited: this user may not");
  await using world = await PrivateWorld.start({ ...queues, ...settings });
  await using demotions = await Demotions.start(world);
  const ledger = new Ledger();
  await world.startRatesApi();
  await createRoles(world, subscribers);
  const workers = new Workers(world, ledger, subscribers, limits);
  const calm = new AbortController();
  const { RABBITMQ_URL: url } = world.servers.env;
  const loading = publishLoad({ url, ledger, rate, seed: seed + 1, stop: calm.signal });
  const watching = watch(workers, new TruthReader(world, ledger, workers, demotions.redisUrl));
  await delay(warmUpMs);
  const draw = drawFrom(faultsOf(world, workers, demotions, random), only, random);
  const faults = await makeTrouble(draw, workers, random, troubleMs, stop, tell);

  tell("peace");
  world.heal();
  await world.setRatesFaults(noFaults);
  await workers.admitAll();
  calm.abort();
  await loading;
  await workers.ensureAll();
  await untilSettled(world, ledger, tell);
  const replayed = await replayUntilStored(world, ledger, tell);
  const letters = await world.messagesIn(queues.DEAD_LETTER_QUEUE);
  await watching.comparePeace({ stored: await world.rows(), dead: letters, subscribers: workers.names });
  const told = await watching.end();
  const unequal = await compareMaterialized(world, workers.urls);
  await workers.leave();
  const counts = await world.count(ledger, queues.DEAD_LETTER_QUEUE);
  const left = await world.messagesIn(queues.EVENTS_QUEUE);
  const problems = [
    ...counts.problems,
    // A subscriber that starts while Postgres refuses its role exits and reports the refusal.
    ...world.crashes.filter((crash) => !crash.includes(refusedAtStart)),
    ...told.problems,
    ...told.lies.slice(0, mostLies),
    ...unequal,
    ...(left > 0 ? [`${left} messages are left in ${queues.EVENTS_QUEUE}`] : []),
  ];
  const seconds = Math.round((clock.monotonic() - begun) / 1_000);
  return { ...counts, problems, seed, faults, replayed, toldWrongly: told.lies.length, seconds };
}

/** Draws the settings: the guarantees must hold under all of them. */
function drawSettings(random: Random): Record<string, string> {
  const pick = <T>(...choices: readonly T[]) => choices[random.int(0, choices.length - 1)]!;
  return {
    RATES_TTL_MS: pick("1000", "3000", "10000"),
    RATES_CALL_TIMEOUT_MS: "800",
    RATES_LOCK_TTL_MS: "1500",
    RATES_WAIT_MS: pick("2000", "5000"),
    RATES_MAX_STALE_MS: pick("0", "5000"),
    DATABASE_TIMEOUT_MS: "2000",
    PREFETCH: pick("50", "500", "2000"),
    BATCH_SIZE: pick("10", "100", "500"),
    SHUTDOWN_GRACE_MS: pick("0", "2000"),
  };
}

/** Waits until the messages are settled. Messages that are still unsettled at the timeout show in the counts. */
async function untilSettled(world: PrivateWorld, ledger: Ledger, tell: (line: string) => void): Promise<void> {
  try {
    await world.untilSettled(ledger, queues.DEAD_LETTER_QUEUE, settleTimeoutMs);
    // The broker redelivers a letter whose ack was lost.
    await world.untilHandled(queues.DEAD_LETTER_QUEUE, settleTimeoutMs);
    tell("settled");
  } catch (error) {
    tell(messageOf(error));
  }
}

/** After recovery, the totals of every subscriber must converge to the totals of the stored events. */
async function compareMaterialized(world: PrivateWorld, urls: readonly string[]): Promise<string[]> {
  const right = await world.withSql(materializedBySql);
  const problems = urls.map((url) =>
    untilAnswered(
      async () => lasting(await getJson(`${url}/materialized`)),
      (told) => isDeepStrictEqual(told, right),
      `GET ${url}/materialized gives ${JSON.stringify(right)}`,
    ).then(() => [], (error) => [messageOf(error)])
  );
  return (await Promise.all(problems)).flat();
}

/** Replays dead letters with the command, as an operator does. @returns the number of replayed letters */
async function replayUntilStored(world: PrivateWorld, ledger: Ledger, tell: (line: string) => void): Promise<number> {
  let replayed = 0;
  for (let round = 0; round < replayRounds; round++) {
    const waiting = (await world.deadLetters(queues.DEAD_LETTER_QUEUE)).filter(({ reason }) =>
      curable.includes(reason)
    );
    if (waiting.length === 0) return replayed;
    replayed += waiting.length;
    tell(`replaying ${waiting.length} dead letters`);
    const args = ["replay", "--reason", curable.join(","), "--force"];
    const env = { ...world.env, ...world.servers.direct };
    const { code, stderr } = await world.members.run("dead", args, env);
    if (code !== 0) tell(`replay ended with ${code}: ${stderr.split("\n")[0]}`);
    await untilSettled(world, ledger, tell);
    await delay(1_000);
  }
  return replayed;
}
