/** The rates API as its users have it: a process, its command line, and a client in another language. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { endOf, runProgram } from "../../../tools/run_program.ts";

const root = join(import.meta.dirname!, "../../..");
const key = "scenario-key";

Deno.test("a foreign client reads rates by reflection alone; the operator sees its calls; SIGTERM ends in order", async () => {
  await using api = await start();
  for (const version of ["v1", "v1alpha"]) {
    const { services, health, rates } = JSON.parse(await readRates(api.address, key, version, "USD", "BTC"));
    assert.ok(services.includes("casino.rates.v1.RatesService"));
    assert.deepEqual(health, { status: "SERVING" });
    assert.deepEqual(rates, {
      base: "EUR",
      as_of: "2024-06-28T14:00:00Z",
      rates: { USD: "1.0705", BTC: "0.0000176" },
    });
  }
  const all = JSON.parse(await readRates(api.address, key, "v1"));
  assert.equal(Object.keys(all.rates.rates).length, 31);
  await assert.rejects(readRates(api.address, "wrong", "v1"), /UNAUTHENTICATED/);

  const stats = JSON.parse((await control(api.address, "stats", "--json")).stdout);
  assert.deepEqual([stats.calls, stats.answered, stats.unauthenticated], [4, 3, 1]);

  const { code, records } = await api.end("SIGTERM");
  assert.equal(code, 0);
  const last = records.at(-1);
  assert.deepEqual([last?.["message"], last?.["answered"], last?.["unauthenticated"]], ["Left", 3, 1]);
  assert.ok(!JSON.stringify(records).includes(key), "no log record holds the key");
});

Deno.test("faults are set at start and replaced while it runs", async () => {
  await using api = await start("--error-share", "1", "--error-code", "ABORTED");
  await assert.rejects(readRates(api.address, key, "v1"), /ABORTED: this failure was asked for/);
  const set = await control(api.address, "--wrong-share", "1", "--wrong-answer", "negative", "--json");
  assert.deepEqual(JSON.parse(set.stdout), { wrongShare: 1, wrongAnswer: "negative" });
  assert.match(await readRates(api.address, key, "v1", "USD"), /"USD": "-1.0705"/);
  assert.equal((await control(api.address, "off")).stdout, "Faults: none\n");
  assert.match(await readRates(api.address, key, "v1", "USD"), /"USD": "1.0705"/);
  assert.equal((await api.end("SIGINT")).code, 0);
});

Deno.test("a call that never ends holds up the shutdown no longer than the grace period", async () => {
  await using api = await start("--black-hole-share", "1");
  const reading = assert.rejects(readRates(api.address, key, "v1"), /UNAVAILABLE|CANCELLED|INTERNAL/);
  for (let tries = 0; JSON.parse((await control(api.address, "stats", "--json")).stdout).inFlight === 0; tries++) {
    assert.ok(tries < 50, "the call arrives");
  }
  const { code, records } = await api.end("SIGTERM");
  assert.equal(code, 0);
  assert.ok(records.some(({ message }) => String(message).startsWith("The grace period is over")));
  assert.equal(records.at(-1)?.["givenUp"], 1);
  await reading;
});

Deno.test("a walk has the same rates for the same seed", async () => {
  await using api = await start("--walk", "--seed", "7", "--step-ms", "86400000");
  const { rates } = JSON.parse(await readRates(api.address, key, "v1", "USD"));
  assert.equal(rates.rates.USD, "1.0705");
  assert.ok(Date.now() - Date.parse(rates.as_of) < 60_000, "its time is that of its start");
});

Deno.test("a taken port, and wrong usage, are told in one sentence each", async () => {
  await using api = await start();
  const taken = await run(["task", "-q", "rates-api"], api.address);
  assert.deepEqual([taken.code, taken.stdout], [1, ""]);
  assert.match(taken.stderr, /^RATES_API_ADDRESS=\S+ is taken by another program; .*\.\n$/);
  const misused = await control(api.address, "--error-share", "2");
  assert.equal(misused.code, 2);
  assert.match(
    misused.stderr,
    /^--error-share=2 must be a decimal from 0 to 1\nSee deno task rates-api:control --help\.\n$/,
  );
});

/** `deno task rates-api` on a free port, ready. */
async function start(...flags: string[]) {
  const address = `127.0.0.1:${freePort()}`;
  const process = command(["task", "-q", "rates-api", ...flags], address).spawn();
  let log = "";
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      if (log.includes("Serving rates")) resolve();
    }
    reject(new Error(`it ended before it served:\n${log}`));
  })();
  await ready;

  async function end(signal: Deno.Signal) {
    try {
      process.kill(signal);
    } catch {
      // It has ended already.
    }
    const { code } = await process.status;
    await reading;
    const records = log.trimEnd().split("\n").map((line): Record<string, unknown> => JSON.parse(line));
    return { code, records };
  }
  await process.stdout.cancel();
  return { address, end, [Symbol.asyncDispose]: async () => void await end("SIGTERM") };
}

async function control(address: string, ...args: string[]) {
  return await run(["task", "-q", "rates-api:control", ...args], address);
}

function run(args: string[], address: string) {
  return endOf(Deno.execPath(), args, { cwd: root, env: environment(address) });
}

function command(args: string[], address: string): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: environment(address),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

function environment(address: string): Record<string, string> {
  return { RATES_API_ADDRESS: address, RATES_API_KEY: key, SHUTDOWN_GRACE_MS: "1000" };
}

/** What Debian's Python, which has python3-grpcio, writes; rejects with what it complains of. */
async function readRates(...args: string[]): Promise<string> {
  return await runProgram("/usr/bin/python3", [join(root, "tests/scenarios/events/foreign/read_rates.py"), ...args]);
}
