/** `up` and `down` after servers were killed, beside other programs and checkouts, and without needed permissions. */
import { deepStrictEqual, doesNotMatch, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { hasDockerEngine } from "../../../tools/services/compose.ts";
import { hasEnded, isRunning, type Process } from "../../../tools/services/process.ts";
import { writeState } from "../../../tools/services/folder.ts";
import { Checkout, shadowProgram } from "../../harness/checkout.ts";
import { Session } from "../../../shared/postgres/session.ts";

/** Most tests share a checkout, and each brings it up itself; `up` leaves a running server as it is. */
let checkout: Checkout;
Deno.test.beforeAll(async () => {
  checkout = await Checkout.make();
});
Deno.test.afterAll(() => checkout[Symbol.asyncDispose]());
// Deno's sanitizers report a leak when a test ends a server that another test started.
const shared = { sanitizeOps: false, sanitizeResources: false };

Deno.test("two concurrent ups start each server once", shared, async () => {
  await checkout.down();
  const started = (await Promise.all([checkout.up(), checkout.up()])).flat().sort();
  deepStrictEqual(started, ["postgres", "rabbitmq", "redis"]);
  strictEqual((await checkout.folder()).state.processes.length, 4);
});

Deno.test(
  "up creates a missing role and database where it may, and never changes an existing role",
  shared,
  async () => {
    await checkout.up();
    const { host } = new URL(checkout.config.DATABASE_URL);
    const dealer = `postgres://dealer:ace@${host}/table`;

    await checkout.up({ DATABASE_URL: dealer });
    match(checkout.said.join("\n"), /Postgres: created the missing role or database of DATABASE_URL/);
    deepStrictEqual(await query(dealer, "select current_user as who"), [{ who: "dealer" }]);

    await rejects(checkout.up({ DATABASE_URL: dealer.replace("ace", "king") }), /has the role dealer, but/);
    deepStrictEqual(await query(dealer, "select 1 as one"), [{ one: 1 }]);

    const DATABASE_URL = `postgres://gambler:x@${host}/table`;
    await using stranger = await Checkout.make({ ...checkout.config, DATABASE_URL });
    await rejects(stranger.up(), (error: Error) => {
      match(
        error.message,
        /Run this command, then try again; or change DATABASE_URL:\n\n {2}sudo -u postgres psql -p \d+ -c 'create role/,
      );
      doesNotMatch(error.message, /password '\\''x/);
      return true;
    });
  },
);

Deno.test("down disconnects Postgres's clients instead of waiting for them", shared, async () => {
  await checkout.up();
  const client = new Session(checkout.config.DATABASE_URL, { name: "lingering" });
  await client.query("select 1");
  const said = await checkout.down({ only: ["postgres"] });
  await client.close();
  match(said.join("\n"), /^Stopped Postgres \(pid \d+\)$/);
  const left = (await checkout.folder()).state.processes.map(({ name }) => name).sort();
  deepStrictEqual(left, ["epmd", "rabbitmq", "redis"]);
});

Deno.test("up after a crash of the broker alone leaves nothing of the earlier start", shared, async () => {
  await checkout.up();
  const before = (await checkout.folder()).state.processes;
  const [broker, epmd] = ["rabbitmq", "epmd"].map((name) => before.find((process) => process.name === name)!);
  Deno.kill(broker!.pid, "SIGKILL");
  await ended(broker!);
  deepStrictEqual(await checkout.up(), ["rabbitmq"]);
  strictEqual(await isRunning(epmd!), false);
  strictEqual((await checkout.folder()).state.processes.length, 4);
});

Deno.test(
  "up after an unclean stop keeps the data, and down spares programs that have the old pids",
  shared,
  async () => {
    await checkout.up();
    await query(checkout.config.DATABASE_URL, "create table kept as select 42 as answer");
    const { path, state } = await checkout.folder();
    strictEqual(state.processes.length, 4);
    for (const { pid } of state.processes) Deno.kill(pid, "SIGKILL");
    for (const process of state.processes) await ended(process);

    // As if the system had given the pids to another program, run by the server's own user.
    const data = await dataOfPostgres();
    const { uid } = await Deno.stat(data);
    const as = Deno.uid() === 0 && uid !== null ? { uid } : {};
    await using stranger = new Deno.Command("sleep", { args: ["600"], ...as }).spawn();
    const lock = await Deno.readTextFile(join(data, "postmaster.pid"));
    await Deno.writeTextFile(join(data, "postmaster.pid"), lock.replace(/^\d+/, String(stranger.pid)));
    const processes = state.processes.map((process) => ({ ...process, pid: stranger.pid }));
    await writeState(path, { ...state, processes });

    deepStrictEqual(await checkout.up(), ["rabbitmq", "redis", "postgres"]);
    deepStrictEqual(await query(checkout.config.DATABASE_URL, "select answer from kept"), [{ answer: 42 }]);
    const running = (await checkout.folder()).state.processes;
    const said = await checkout.down();
    strictEqual(said.length, 4, said.join("\n"));
    for (const process of running) strictEqual(await isRunning(process), false, process.name);
    strictEqual(await Promise.race([stranger.status, "runs"]), "runs");
  },
);

Deno.test(
  "a server that does not start is reported with the end of its log, and the others keep running",
  shared,
  async () => {
    await checkout.up();
    await checkout.down({ only: ["postgres"] });
    const settings = join(await dataOfPostgres(), "postgresql.conf");
    const before = await Deno.readTextFile(settings);
    await Deno.writeTextFile(settings, `${before}no_such_setting = 1\n`);
    await rejects(checkout.up(), /Postgres did not start\. The end of .*server\.log:\n(.*\n)*.*no_such_setting/);
    await Deno.writeTextFile(settings, before);
    const left = (await checkout.down()).join("\n");
    match(left, /Stopped Redis/);
    doesNotMatch(left, /Stopped Postgres/);
  },
);

Deno.test("credentials may contain any character, and let no other user in", async () => {
  const password = encodeURIComponent(`a#b "c'd$e\\`);
  const login = `c%40sino:${password}@127.0.0.1`;
  await using own = await Checkout.make({
    RABBITMQ_URL: `amqp://${login}:${freePort()}/v%20host`,
    REDIS_URL: `redis://casino:${password}@127.0.0.1:${freePort()}`,
    DATABASE_URL: `postgres://${login}:${freePort()}/d%22b`,
  });
  await own.up();
  const { host } = new URL(own.config.DATABASE_URL);
  await rejects(query(`postgres://postgres@${host}/postgres`, "select 1"), /password/);
  await rejects(
    own.up({ REDIS_URL: own.config.REDIS_URL.replace(/casino:.*@/, "") }),
    /Redis cannot be used at/,
  );
  await rejects(
    own.up({ RABBITMQ_URL: own.config.RABBITMQ_URL.replace(/\/\/.*@/, "//guest:guest@") }),
    /RabbitMQ cannot be used at .* rejects the user or the password/,
  );
});

Deno.test("checkouts at neighbouring ports run side by side", async () => {
  const port = neighbouringPorts();
  await using one = await Checkout.make({ RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${port}` });
  await using other = await Checkout.make({ RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${port + 1}` });
  await Promise.all([one.up(), other.up()]);
  await one.down();
  deepStrictEqual(await other.up(), []);
});

Deno.test("a server that listens and then exits before it accepts a client is reported with the end of its log", async () => {
  // Even where a Docker engine answers, a checkout starts its servers from packages.
  await using _ = await shadowProgram("docker", "exit 0");
  // This program is first in PATH, so it removes itself from PATH.
  await using __ = await shadowProgram(
    "redis-server",
    `PATH=\${PATH#*:}
     redis-server "$1" --requirepass "of another program" &
     sleep 1
     kill $!
     wait
     echo "out of luck"
     exit 1`,
  );
  await using own = await Checkout.make();
  await rejects(own.up(), /Redis did not start\. The end of .*server\.log:\n(.*\n)*.*out of luck/);
});

Deno.test("with a Docker engine, Compose starts the missing servers at the configured ports, and stops only those", async () => {
  const calls = await Deno.makeTempFile();
  // An engine that fails to start anything, and records its arguments.
  await using _ = await shadowProgram(
    "docker",
    `case "$*" in "compose version"|info) exit 0;; esac
echo "$RABBITMQ_PORT $POSTGRES_PORT $*" >>'${calls}'
case "$*" in *" up "*) echo "no space left on device" >&2; exit 1;; esac`,
  );
  await using own = await Checkout.make({}, hasDockerEngine);
  await rejects(own.up(), /docker failed \(exit code 1\):\s+no space left on device/);
  await own.down();
  const said = await own.down({ deleteData: true });
  const asked = (await Deno.readTextFile(calls)).trim().split("\n");
  await Deno.remove(calls);

  const port = (url: string) => new URL(url).port;
  const [up = "", rm = "", volumes = ""] = asked;
  strictEqual(asked.length, 3, asked.join("\n"));
  const name = /--project-name (casino-events-[0-9a-f]{12}) /.exec(up)?.[1];
  strictEqual(
    up,
    `${port(own.config.RABBITMQ_URL)} ${port(own.config.DATABASE_URL)} ` +
      `compose --project-name ${name} --profile servers up --detach --wait rabbitmq redis postgres`,
  );
  strictEqual(rm.trim(), `compose --project-name ${name} --profile servers rm --stop --force rabbitmq redis postgres`);
  strictEqual(volumes.trim(), `volume rm --force ${name}_rabbitmq ${name}_redis ${name}_postgres`);
  match(said.join("\n"), /Removed the volumes of RabbitMQ, Redis, Postgres/);
});

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  await using sql = new Session(url, { name: "scenario" });
  return await sql.query(statement);
}

/** Returns a free port whose successor is free too. */
function neighbouringPorts(): number {
  while (true) {
    const port = freePort();
    try {
      Deno.listen({ hostname: "127.0.0.1", port: port + 1 }).close();
      return port;
    } catch {
      // The successor is taken: try another pair.
    }
  }
}

async function dataOfPostgres(): Promise<string> {
  return join((await checkout.folder()).path, `postgres-${new URL(checkout.config.DATABASE_URL).port}`, "data");
}

async function ended(process: Process): Promise<void> {
  strictEqual(await hasEnded(process, 30_000), true, process.name);
}
