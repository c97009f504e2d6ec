/** Everything that a campaign breaks, as data: what it is, whom it hits, and how it is done and undone. */
import { noFaults, wrongAnswers } from "../../rates-api/faults.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { TcpProxy } from "../servers/tcp_proxy.ts";
import type { Toxic } from "../servers/toxics.ts";
import { delay, type ServerName, serverNames } from "../../tools/services/server.ts";
import type { PrivateWorld } from "../harness/private_world.ts";
import type { Workers } from "./workers.ts";

export interface Fault {
  readonly name: string;
  /** What it keeps to itself: two faults of the same claim never overlap. */
  readonly claim: string;
  /** Does the damage, waits `ms`, and undoes it. */
  run(ms: number): Promise<void>;
}

/** Servers are killed and paused one at a time: bringing one back looks at the others. */
const servers = "servers";

export function faultsOf(world: PrivateWorld, workers: Workers, random: Random): (() => Fault)[] {
  return [
    ...serverNames.flatMap((name) => serverFaults(world, name)),
    ...Object.entries({ ...world.servers.proxies, "rates-api": world.ratesProxy }).map(([name, proxy]) => () =>
      networkFault(name, proxy, random)
    ),
    ...Object.entries(world.servers.proxies).map(([name, proxy]) => () => connectionsCut(name, proxy)),
    ...inside(world),
    // Members are the least reliable of all.
    ...[1, 2, 3].flatMap(() => memberFaults(workers, random)),
    ...ratesFaults(world, random),
  ];
}

function serverFaults({ servers: own }: PrivateWorld, name: ServerName): (() => Fault)[] {
  return [
    () => ({
      name: `${name} killed`,
      claim: servers,
      run: async (ms) => {
        await own.kill(name);
        await delay(ms);
        await own.restart();
      },
    }),
    () => ({
      name: `${name} stopped`,
      claim: servers,
      run: async (ms) => {
        await own.stop(name);
        await delay(ms);
        await own.restart();
      },
    }),
    () => ({
      name: `${name} paused`,
      claim: servers,
      run: async (ms) => {
        await own.pause(name);
        await delay(ms);
        await own.resume(name);
      },
    }),
  ];
}

function networkFault(name: string, proxy: TcpProxy, random: Random): Fault {
  const choices: readonly Toxic[] = [
    { kind: "latency", ms: random.int(5, 150), jitterMs: random.int(0, 100) },
    { kind: "bandwidth", bytesPerSecond: random.int(5_000, 200_000) },
    { kind: "slicing", bytes: random.int(1, 400), ms: 1 },
    { kind: "black-hole" },
    { kind: "slow-close", ms: random.int(500, 4_000) },
    { kind: "cut-after", bytes: random.int(1_000, 200_000) },
    { kind: "refuse" },
  ];
  const toxic = choices[random.int(0, choices.length - 1)]!;
  return {
    name: `${name} proxy: ${Object.values(toxic).join(" ")}`,
    claim: `${name} proxy`,
    run: async (ms) => {
      proxy.poison(toxic);
      await delay(ms);
      proxy.poison();
    },
  };
}

function connectionsCut(name: string, proxy: TcpProxy): Fault {
  return {
    name: `${name} connections reset`,
    claim: `${name} proxy`,
    run: () => Promise.resolve(proxy.cut()),
  };
}

/** What goes wrong within a server that runs. */
function inside({ servers: own }: PrivateWorld): (() => Fault)[] {
  const readOnly = (value: "on" | "off") =>
    own.asSuperuser(`alter system set default_transaction_read_only = ${value}`);
  const reload = () => own.asSuperuser("select pg_reload_conf()");
  return [
    () => ({
      name: "postgres read-only",
      claim: servers,
      run: async (ms) => {
        await readOnly("on");
        await reload();
        await delay(ms);
        await readOnly("off");
        await reload();
      },
    }),
    () => ({
      name: "postgres table locked",
      claim: servers,
      run: (ms) =>
        own.asSuperuser(
          `do $$ begin lock table events, player_totals in access exclusive mode; perform pg_sleep(${
            ms / 1_000
          }); end $$`,
        ),
    }),
    () => ({
      name: "postgres clients terminated",
      claim: servers,
      run: () => own.asSuperuser("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'casino'"),
    }),
    () => ({
      name: "rabbitmq memory alarm",
      claim: servers,
      run: async (ms) => {
        await own.rabbitmqctl("set_vm_memory_high_watermark", "0.00001");
        await delay(ms);
        await own.rabbitmqctl("set_vm_memory_high_watermark", "0.4");
      },
    }),
    () => ({
      name: "rabbitmq connections closed",
      claim: servers,
      run: async () => void await own.rabbitmqctl("close_all_connections", "a fault"),
    }),
  ];
}

function memberFaults(workers: Workers, random: Random): (() => Fault)[] {
  const someone = () => random.int(0, workers.size - 1);
  return [
    () => {
      const n = someone();
      return {
        name: `${workers.nameOf(n)} killed`,
        claim: workers.nameOf(n),
        run: (ms) => workers.replace(n, "kill", ms),
      };
    },
    () => {
      const n = someone();
      return {
        name: `${workers.nameOf(n)} asked to leave`,
        claim: workers.nameOf(n),
        run: (ms) => workers.replace(n, "stop", ms),
      };
    },
    () => {
      const n = someone();
      return { name: `${workers.nameOf(n)} paused`, claim: workers.nameOf(n), run: (ms) => workers.pause(n, ms) };
    },
  ];
}

function ratesFaults(world: PrivateWorld, random: Random): (() => Fault)[] {
  const claim = "rates-api";
  return [
    () => ({
      name: "rates-api killed",
      claim,
      run: async (ms) => {
        if (world.ratesApi) await world.kill(world.ratesApi);
        await delay(ms);
        await world.startRatesApi();
      },
    }),
    () => ({
      name: "rates-api restarted",
      claim,
      run: async () => {
        if (world.ratesApi) await world.stop(world.ratesApi);
        await world.startRatesApi();
      },
    }),
    () => {
      const faults = {
        ...noFaults,
        ...{ delayMs: random.int(50, 1_500), jitterMs: random.int(0, 500), delayShare: random.next() },
        ...{ errorShare: random.next() * 0.4, wrongShare: random.next() * 0.3, blackHoleShare: random.next() * 0.3 },
        wrongAnswer: wrongAnswers[random.int(0, wrongAnswers.length - 1)]!,
      };
      return {
        name: `rates-api slow, failing, silent and wrong (${faults.wrongAnswer})`,
        claim,
        run: async (ms) => {
          await world.setRatesFaults(faults);
          await delay(ms);
          await world.setRatesFaults(noFaults);
        },
      };
    },
  ];
}
