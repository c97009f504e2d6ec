/** The faults that a campaign draws from. */
import { type Faults, noFaults, wrongAnswers } from "../../rates-api/faults.ts";
import type { Random } from "../../shared/runtime/random.ts";
import type { TcpProxy, Toxic } from "../servers/tcp_proxy.ts";
import { delay, type ServerName, serverNames } from "../../tools/services/server.ts";
import type { PrivateWorld } from "../harness/private_world.ts";
import type { Demotions } from "./demotions.ts";
import { atOnce, type Draw, type Fault, lasting, servers } from "./fault.ts";
import { loweredLimits } from "./lowered_limits.ts";
import type { Workers } from "./workers.ts";

/** Long enough to compare what all other subscribers report about the refused subscriber. */
const leastRefusedMs = 12_000;

/** @returns the faults to draw from; `random` decides their details */
export function faultsOf(world: PrivateWorld, workers: Workers, demotions: Demotions, random: Random): Draw[] {
  const { proxies } = world.servers;
  return [
    ...serverNames.flatMap((name) => serverFaults(world, name)),
    ...Object.entries({ ...proxies, "rates-api": world.ratesProxy }).map(([name, proxy]) => () =>
      networkFault(name, proxy, random)
    ),
    ...Object.entries(proxies).map(([name, proxy]) => () =>
      atOnce(`${name} connections reset`, `${name} proxy`, () => proxy.cut())
    ),
    ...faultsInside(world),
    ...demotions.faults,
    ...loweredLimits(world, workers, demotions.redisUrl, random),
    // Listed three times: members fail more often than servers.
    ...[1, 2, 3].flatMap(() => memberFaults(workers, random)),
    ...ratesFaults(world, random),
  ];
}

function serverFaults({ servers: own }: PrivateWorld, name: ServerName): Draw[] {
  return [
    () => lasting(`${name} killed`, servers, () => own.kill(name), () => own.restart()),
    () => lasting(`${name} stopped`, servers, () => own.stop(name), () => own.restart()),
    () => lasting(`${name} paused`, servers, () => own.pause(name), () => own.resume(name)),
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
  const title = `${name} proxy: ${Object.values(toxic).join(" ")}`;
  return lasting(title, `${name} proxy`, () => proxy.poison(toxic), () => proxy.poison());
}

/** Faults inside a server that keeps running. */
function faultsInside({ servers: own }: PrivateWorld): Draw[] {
  const lockTables = (ms: number) =>
    own.asSuperuser(`do $$ begin
      lock table events, batch_totals, player_totals in access exclusive mode; perform pg_sleep(${
      ms / 1_000
    }); end $$`);
  // An unfinished migration: the database answers, but refuses every event.
  const breakSchema = `alter table events add tenant int not null default 1;
    alter table events alter tenant drop default`;
  const mendSchema = "alter table events drop column tenant";
  const terminate = "select pg_terminate_backend(pid) from pg_stat_activity where usename <> 'postgres'";
  const setMemory = (share: string) => own.rabbitmqctl("set_vm_memory_high_watermark", share);
  return [
    () => atOnce("postgres table locked", servers, lockTables),
    () =>
      lasting(
        "postgres schema refuses all",
        servers,
        () => own.asSuperuser(breakSchema),
        () => own.asSuperuser(mendSchema),
      ),
    () => atOnce("postgres clients terminated", servers, () => own.asSuperuser(terminate)),
    () => lasting("rabbitmq memory alarm", servers, () => setMemory("0.00001"), () => setMemory("0.4")),
    () => atOnce("rabbitmq connections closed", servers, () => own.rabbitmqctl("close_all_connections", "a fault")),
  ];
}

function memberFaults(workers: Workers, random: Random): Draw[] {
  const draw = (what: string, act: (n: number, ms: number) => Promise<void>) => () => {
    const n = random.int(0, workers.size - 1);
    return atOnce(`${workers.nameOf(n)} ${what}`, workers.nameOf(n), (ms) => act(n, ms));
  };
  return [
    draw("killed", (n, ms) => workers.replace(n, "kill", ms)),
    draw("asked to leave", (n, ms) => workers.replace(n, "stop", ms)),
    draw("paused", (n, ms) => workers.pause(n, ms)),
    draw("refused by postgres", async (n, ms) => {
      await workers.refuse(n);
      await delay(leastRefusedMs + ms);
      await workers.admit(n);
    }),
  ];
}

function ratesFaults(world: PrivateWorld, random: Random): Draw[] {
  const claim = "rates-api";
  const start = () => world.startRatesApi();
  return [
    () => lasting("rates-api killed", claim, () => world.kill(world.ratesApi!), start),
    () => atOnce("rates-api restarted", claim, () => world.stop(world.ratesApi!).then(start)),
    () => {
      const faults: Faults = {
        ...noFaults,
        ...{ delayMs: random.int(50, 1_500), jitterMs: random.int(0, 500), delayShare: random.next() },
        ...{ errorShare: random.next() * 0.4, wrongShare: random.next() * 0.3, blackHoleShare: random.next() * 0.3 },
        wrongAnswer: wrongAnswers[random.int(0, wrongAnswers.length - 1)]!,
      };
      const title = `rates-api slow, failing, silent and wrong (${faults.wrongAnswer})`;
      return lasting(title, claim, () => world.setRatesFaults(faults), () => world.setRatesFaults(noFaults));
    },
  ];
}
