/** One queue that is full at the start, and the programs that empty it: our subscriber and the contenders. */
import { cpuMsOf, memoryMibOf, Program, type ProgramOptions } from "../program.ts";
import type { Environment } from "../environment.ts";

export interface Load {
  /** Measured events. */
  readonly events: number;
  /** Events before the measured ones, which compile the code and fill the caches. */
  readonly warmUp: number;
  /** How many players the events belong to. */
  readonly players: number;
}

export type Figures = Readonly<Record<string, number>>;

export const oneSubscriber: Load = { events: 200_000, warmUp: 40_000, players: 1_000 };

export interface OursOptions {
  readonly load: Load;
  readonly subscribers?: number;
  /** File for the enriched events; `undefined` when they are not written. */
  readonly lines?: string;
  /** Whether to keep the stored events, which must come from other seeds. */
  readonly keep?: boolean;
  /** Seed of the generated events. */
  readonly seed?: number;
}

/** Subscribers as an operator starts them. All are stopped while the queue is filled, and continue together. */
export async function consumeWithOurs(environment: Environment, options: OursOptions): Promise<Figures> {
  const { load, subscribers = 1, lines, keep = false, seed = 1 } = options;
  await environment.reset({ keep });
  const before = await environment.rows();
  await using ratesApi = await environment.startRatesApi();
  await using members = await startSubscribers(environment, subscribers, {
    ...lines !== undefined && { args: [], stdout: lines },
  });
  await environment.publish(load.warmUp, load.players, 2 * seed);
  await environment.untilStored(load.warmUp);
  const figures = await measure(
    environment,
    members,
    load,
    seed,
    () => environment.untilStored(load.warmUp + load.events),
  );
  await members.stop();
  await ratesApi.stop();
  const consumed = load.warmUp + load.events;
  if (lines !== undefined) await checkLines(lines, consumed);
  await environment.check(before + consumed, { totals: !keep, counted: consumed });
  return figures;
}

/** @throws when the number of lines differs: writing them then cost less than it should */
async function checkLines(file: string, count: number): Promise<void> {
  let lines = 0;
  const { readable } = await Deno.open(file);
  for await (const chunk of readable) for (const byte of chunk) if (byte === 0x0a) lines++;
  if (lines !== count) throw new Error(`${lines} lines of ${count} in ${file}`);
}

/** Started as by an operator, without lines on stdout. Each serves HTTP at its own port. */
export async function startSubscribers(
  environment: Environment,
  count: number,
  { args = ["--quiet"], env = {}, ...options }: Partial<ProgramOptions> = {},
): Promise<Workers> {
  const subscribers = new Workers(Array.from({ length: count }, (_, n) =>
    new Program({
      program: { task: "subscriber" },
      args: [...args, "--http", "127.0.0.1:0"],
      env: { ...environment.env, SUBSCRIBER_ID: `subscriber-${n + 1}`, ...env },
      ...options,
    })));
  await subscribers.until("consumer.ready");
  return subscribers;
}

/** A contender of bench/contenders/consumers.ts, which prints its own progress. */
export async function consumeWith(
  environment: Environment,
  name: string,
  load: Load,
  { stores = true } = {},
): Promise<Figures> {
  await environment.reset();
  await using contender = new Workers([
    new Program({
      program: { file: "bench/contenders/consumers.ts" },
      args: [name, String(load.warmUp), String(load.events)],
      env: environment.env,
    }),
  ]);
  await environment.publish(load.warmUp, load.players, 2);
  await contender.until("warm");
  const figures = await measure(environment, contender, load, 1, () => contender.until("done"));
  await environment.check(stores ? load.warmUp + load.events : 0, { totals: false });
  return figures;
}

async function measure(
  environment: Environment,
  workers: Workers,
  load: Load,
  seed: number,
  untilDone: () => Promise<void>,
): Promise<Figures> {
  workers.hold();
  await environment.publish(load.events, load.players, 2 * seed + 1);
  await environment.settle();
  const pids = [await environment.pidOf("postgres"), await environment.pidOf("rabbitmq"), ...workers.pids];
  const before = cpuMsOf(pids);
  const begun = performance.now();
  workers.release();
  await untilDone();
  const seconds = (performance.now() - begun) / 1000;
  const usPerEvent = cpuMsOf(pids).map((ms, i) => (ms - before[i]!) * 1000 / load.events);
  const [postgres = NaN, rabbitmq = NaN, ...subscribers] = usPerEvent;
  const subscriber = subscribers.reduce((sum, us) => sum + us, 0);
  return {
    eventsPerSecond: load.events / seconds,
    subscriberCpuUs: subscriber,
    postgresCpuUs: postgres,
    rabbitmqCpuUs: rabbitmq,
    totalCpuUs: subscriber + postgres + rabbitmq,
    peakMib: Math.max(...workers.pids.map((pid) => memoryMibOf(pid).peak)),
  };
}

/** Programs that do the same thing. */
export class Workers implements AsyncDisposable {
  constructor(private readonly programs: readonly Program[]) {}

  get first(): Program {
    return this.programs[0]!;
  }

  get pids(): number[] {
    return this.programs.map(({ pid }) => pid);
  }

  async until(text: string): Promise<void> {
    await Promise.all(this.programs.map((program) => program.until(text)));
  }

  hold(): void {
    for (const program of this.programs) program.hold();
  }

  release(): void {
    for (const program of this.programs) program.release();
  }

  async stop(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.programs) await program[Symbol.asyncDispose]();
  }
}
