/**
 * Measures what an idle subscriber costs: the share of a core that it, RabbitMQ, Redis and Postgres use, over 60 s after
 * 1,000 events and 30 s of rest, with HTTP on and nobody looking. The servers' shares are those beyond what they use
 * without a subscriber. `deno run -A bench/idle.ts [RUNS [FOLDER OF ANOTHER CHECKOUT]]`
 */
import { systemClock } from "../shared/runtime/clock.ts";
import { Session } from "../shared/postgres/session.ts";
import { PrivateServers } from "../tests/harness/private_servers.ts";
import { freePort, Members } from "../tools/demo/members.ts";
import { catalogue } from "../tools/migrate/catalogue.ts";
import { migrateUp } from "../tools/migrate/migrator.ts";
import { delay } from "../tools/services/server.ts";
import { cpuMsOf, project } from "./program.ts";
import { spreadOf } from "./results.ts";

const serverNames = ["rabbitmq", "redis", "postgres"] as const;
const [restMs, measuredMs] = [30_000, 60_000];
const [runs = "3", folder = project] = Deno.args;

await using servers = await PrivateServers.start();
await using sql = new Session(servers.direct.DATABASE_URL, { name: "casino-bench" });
await migrateUp({ sql, catalogue, clock: systemClock, say: () => {} });
const { state } = await servers.checkout.folder();
const pids = serverNames.map((name) => state.processes.findLast((each) => each.name === name)!.pid);
await using members = new Members(folder);
const env = { ...servers.direct, RATES_API_ADDRESS: `127.0.0.1:${freePort()}`, LOG_LEVEL: "info" };
const ratesApi = members.start("rates-api", [], env);
await members.untilLogged(ratesApi, "rates_api.ready");

const shares: number[][] = [];
for (let run = 1; run <= Number(runs); run++) {
  await delay(restMs);
  const without = await coresOf(pids);
  const subscriber = members.start("subscriber", ["--quiet", "--http", `127.0.0.1:${freePort()}`], env);
  await members.untilLogged(subscriber, "consumer.ready");
  await members.runToEnd("publisher", ["--count", "1000"], env);
  await delay(restMs);
  const [own, ...beside] = await coresOf([subscriber.child.pid, ...pids]);
  await members.stop(subscriber);
  shares.push([own!, ...beside.map((share, n) => share - without[n]!)]);
  console.log(`run ${run}: ${asWords(shares.at(-1)!)}; the servers without it: ${without.map(percent).join(", ")}`);
}
console.log(`median: ${asWords(shares[0]!.map((_, n) => spreadOf(shares.map((run) => run[n]!)).median))}`);

/** Returns the share of a core that each process and its descendants use. */
async function coresOf(processes: readonly number[]): Promise<number[]> {
  const [before, began] = [cpuMsOf(processes), performance.now()];
  await delay(measuredMs);
  const tookMs = performance.now() - began;
  return cpuMsOf(processes).map((ms, n) => (ms - before[n]!) / tookMs);
}

function asWords(found: readonly number[]): string {
  return ["subscriber", ...serverNames].map((name, n) => `${name} ${percent(found[n]!)}`).join(", ");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
