/** The rates API as its users see it: a process, its command line, and a client in another language. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { freePort, hasLogged, type Member, Members } from "../../../tools/demo/members.ts";
import { project } from "../../harness/world.ts";
import { runPython } from "./run_python.ts";

const key = "scenario-key";
const controlKey = "key-of-the-controls";

Deno.test("a foreign client reads rates by reflection alone; the operator sees its calls; SIGTERM shuts down in order", async () => {
  await using api = await RunningApi.start();
  for (const version of ["v1", "v1alpha"]) {
    const { services, health, rates } = JSON.parse(await api.read(key, version, "USD", "BTC"));
    ok(services.includes("casino.rates.v1.RatesService"));
    deepStrictEqual(health, { status: "SERVING" });
    const expected = { base: "EUR", as_of: "2024-06-28T14:00:00Z", rates: { USD: "1.0705", BTC: "0.0000176" } };
    deepStrictEqual(rates, expected);
  }
  const all = JSON.parse(await api.read(key, "v1"));
  strictEqual(Object.keys(all.rates.rates).length, 31);
  await rejects(api.read("wrong", "v1"), /UNAUTHENTICATED/);

  const stats = JSON.parse((await api.control("stats", "--json")).stdout);
  deepStrictEqual([stats.calls, stats.answered, stats.unauthenticated], [4, 3, 1]);

  strictEqual(await api.end("SIGTERM"), 0);
  const { event, answered, unauthenticated } = api.member.lastFields;
  deepStrictEqual({ event, answered, unauthenticated }, { event: "member.left", answered: 3, unauthenticated: 1 });
  ok(!JSON.stringify(api.member.records).includes(key), "no log record holds the key");
});

Deno.test("faults are set at the start and replaced at run time", async () => {
  await using api = await RunningApi.start("--error-share", "1", "--error-code", "ABORTED");
  await rejects(api.read(key, "v1"), /ABORTED: injected failure/);
  const set = await api.control("--wrong-share", "1", "--wrong-answer", "negative", "--json");
  deepStrictEqual(JSON.parse(set.stdout), { wrongShare: 1, wrongAnswer: "negative" });
  match(await api.read(key, "v1", "USD"), /"USD": "-1.0705"/);
  strictEqual((await api.control("off")).stdout, "Faults: none");
  match(await api.read(key, "v1", "USD"), /"USD": "1.0705"/);
  strictEqual(await api.end("SIGINT"), 0);
});

Deno.test("a call that never ends delays the shutdown at most by the grace period", async () => {
  await using api = await RunningApi.start("--black-hole-share", "1");
  const reading = rejects(api.read(key, "v1"), /UNAVAILABLE|CANCELLED|INTERNAL/);
  for (let tries = 0; JSON.parse((await api.control("stats", "--json")).stdout).inFlight === 0; tries++) {
    ok(tries < 50, "the call arrives");
  }
  strictEqual(await api.end("SIGTERM"), 0);
  ok(hasLogged(api.member, "member.grace_over"));
  strictEqual(api.member.lastFields["givenUp"], 1);
  await reading;
});

Deno.test("a walk, a used port and wrong usage behave as the command line says", async () => {
  await using api = await RunningApi.start("--walk", "--seed", "7", "--step-ms", "86400000");
  const { rates } = JSON.parse(await api.read(key, "v1"));
  ok(Date.now() - Date.parse(rates.as_of) < 60_000, "the time of its rates is that of its start");
  const taken = await api.members.run("rates-api", [], api.env);
  deepStrictEqual([taken.code, taken.stdout], [1, ""]);
  match(taken.stderr, /^RATES_API_ADDRESS=\S+ is in use by another program; .*\.\n$/);
  const misused = await api.control("--error-share", "2");
  strictEqual(misused.code, 2);
  match(
    misused.stderr,
    /^--error-share=2 must be a decimal from 0 to 1\nSee deno task rates-api:control --help\.\n$/,
  );
});

/** `deno task rates-api` on a free port. */
class RunningApi implements AsyncDisposable {
  readonly members = new Members(project);
  readonly env = {
    RATES_API_ADDRESS: `127.0.0.1:${freePort()}`,
    RATES_API_KEY: key,
    RATES_CONTROL_KEY: controlKey,
    SHUTDOWN_GRACE_MS: "1000",
  };
  readonly member: Member;

  private constructor(args: readonly string[]) {
    this.member = this.members.start("rates-api", args, this.env);
  }

  static async start(...args: string[]): Promise<RunningApi> {
    const api = new RunningApi(args);
    await api.members.untilLogged(api.member, "rates_api.ready");
    return api;
  }

  /** Reads rates with a Python client. */
  read(...args: string[]): Promise<string> {
    return runPython("read_rates.py", this.env.RATES_API_ADDRESS, ...args);
  }

  control(...args: string[]) {
    return this.members.run("rates-api:control", args, this.env);
  }

  /** @returns its exit status */
  async end(signal: Deno.Signal): Promise<number> {
    this.members.signal(this.member, signal);
    const { code } = await this.member.ended;
    await this.member.read;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.members.stopAll();
  }
}
