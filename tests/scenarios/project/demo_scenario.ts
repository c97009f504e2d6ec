/** `deno task demo` in both modes, as a new user runs it. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eventually } from "../../fixtures/eventually.ts";
import { Members } from "../../../tools/demo/members.ts";
import { endOf } from "../../../tools/run_program.ts";
import { project } from "../../harness/world.ts";

/** The events of samples/events.ndjson. One has a currency that does not exist. */
const [samples, deadSamples] = [27, 1];
/** Memory of the demo after its start. */
const mostBytes = 350 * 1_048_576;
/** Addresses at which no server listens. */
const noServers = {
  RABBITMQ_URL: "amqp://guest:guest@127.0.0.1:1",
  REDIS_URL: "redis://127.0.0.1:1",
  DATABASE_URL: "postgres://casino:casino@127.0.0.1:1/casino",
};

async function demo(args: readonly string[], env: Record<string, string> = {}) {
  return await endOf(Deno.execPath(), ["task", "--quiet", "demo", ...args], { cwd: project, env });
}

function checkSummary(out: string, generated: number): void {
  match(out, new RegExp(`published ${samples}, confirmed ${samples}, returned 0, failed 0;`));
  match(out, new RegExp(`published ${generated}, confirmed ${generated}, returned 0, failed 0;`));
  match(
    out,
    /Player #11 \(jane@example.com\) placed a bet of 5 USD \(4.67 EUR\) on a game "It's bananas!" on February 2nd/,
  );
  const stored = samples + generated - deadSamples;
  const shares = /Events stored +(\d+) +\(demo-1: (\d+), demo-2: (\d+)\)/.exec(out)?.slice(1).map(Number) ?? [];
  deepStrictEqual([shares[0], (shares[1] ?? 0) + (shares[2] ?? 0)], [stored, stored], out);
  match(out, /Dead letters +1 +\(unknown-currency: 1\)\nLost +0\nCalls to rates API +1\n/);
  match(out, /Largest deposits +player #\d+ with [\d.]+ EUR/);
}

Deno.test("demo, embedded: stores or dead-letters every event without servers, and ends with a summary", async () => {
  const { code, output } = await demo(["--count", "2000"], noServers);
  strictEqual(code, 0, output);
  checkSummary(output, 2_000);
  match(output, /This was the embedded mode.*deno task demo --real/);
  strictEqual(output.includes("\x1b"), false, "no colours, and nothing redrawn, where there is no terminal");
});

Deno.test("demo --stay: continues until a signal, and its dashboard shows the stored events", async () => {
  const members = new Members(project, "task");
  let output = "";
  const onLine = (line: string) => void (output += `${line}\n`);
  const staying = members.start("demo", ["--stay", "--count", "100"], noServers, { onLine });
  try {
    await eventually("the demo to go on", () => output.includes("The demo continues") || undefined);
    const [, url, token] = /Dashboard: (http:\/\/127\.0\.0\.1:\d+), token for dead letters: (\w+)/.exec(
      output,
    )!;
    const ask = async (path: string, init?: RequestInit) => await (await fetch(`${url}${path}`, init)).json();
    match(await (await fetch(`${url}/`)).text(), /<html/);

    const overview = await ask("/overview");
    deepStrictEqual([overview.mode, overview.problems, overview.dead_letters], ["embedded", [], 1]);
    await eventually(
      "events that go on",
      async () => (await ask("/materialized")).events_total > samples - deadSamples + 110 || undefined,
    );

    const metrics = await (await fetch(`${url}/metrics`)).text();
    const bytes = Number(/^process_resident_memory_bytes (\d+)/m.exec(metrics)![1]);
    strictEqual(bytes <= mostBytes, true, `${bytes} bytes of memory`);

    const headers = { authorization: `Bearer ${token}` };
    const replayed = await ask("/dead-letters/replay?reason=unknown-currency", { method: "POST", headers });
    deepStrictEqual([replayed.replayed, replayed.failed], [1, 0]);
    await eventually("the letter to come back", async () => (await ask("/overview")).dead_letters === 1 || undefined);
    deepStrictEqual(await ask("/dead-letters?all=true", { method: "DELETE", headers }), { dropped: 1 });
  } finally {
    members.signal(staying, "SIGINT");
    strictEqual((await staying.ended).code, 0, output);
    await staying.read;
  }
  match(output, /Ended: \d+ events stored, 1 dead-lettered, 0 lost\./);
});

Deno.test("demo --real: the same summary from members on real servers", async () => {
  const { code, output } = await demo(["--real", "--count", "2000"]);
  strictEqual(code, 0, output);
  checkSummary(output, 2_000);
});

Deno.test("demo rejects flags that exclude each other", async () => {
  for (const args of [["--real", "--stay"], ["--keep"], ["--stay", "--once"], ["--count", "many"]]) {
    const { code, output } = await demo(args);
    strictEqual(code, 2, args.join(" "));
    match(output, /See deno task demo --help\./);
  }
});
