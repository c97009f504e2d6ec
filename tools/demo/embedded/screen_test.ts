import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { lineOf, linesOf, Screen, type Terminal, type View } from "./screen.ts";

function world(changes: Partial<Terminal> = {}) {
  const clock = new VirtualClock();
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const terminal = { isTerminal: true, columns: () => 80, rows: () => 24, colours: true, write, ...changes };
  return { clock, written, screen: new Screen(terminal, clock) };
}

function viewOf(stored: number): View {
  return {
    ...{ published: 2_000, stored, dead: 1, waiting: 0, lagMs: 0, rates: undefined, newest: undefined },
    subscribers: [{ id: "demo-1", stored }],
    deadReasons: new Map([["unknown-currency", 1]]),
  };
}

/** A minimal terminal that knows line feeds, "up", "clear to the end of the line" and "clear below". */
function shown(written: readonly string[]): string[] {
  const lines = [""];
  let row = 0;
  // deno-lint-ignore no-control-regex -- control characters are what it is about
  for (const part of written.join("").split(/(\n|\r|\x1b\[\d*[A-Zm])/)) {
    // deno-lint-ignore no-control-regex -- as above
    const [, count = "", kind] = /^\x1b\[(\d*)([A-Zm])$/.exec(part) ?? [];
    if (part === "\n") lines[++row] ??= "";
    else if (kind === "A") row -= Number(count);
    else if (kind === "J") lines.splice(row, Infinity, "");
    else if (kind === undefined && part !== "\r" && part !== "") lines[row] = part;
  }
  return lines;
}

Deno.test("Screen.follow() redraws its lines on a terminal, and leaves none behind", async () => {
  const { clock, written, screen } = world();
  screen.say("Before");
  const stop = new AbortController();
  let stored = 0;
  const following = screen.follow(() => viewOf(stored += 100), stop.signal);
  await clock.advance(2_000);
  const lines = shown(written);
  strictEqual(lines.length, 8, "one that was said, six that are redrawn, and the cursor's");
  match(lines[1]!, /stored 1100/);
  match(lines[2]!, /500 events\/s/);
  strictEqual(written.at(-1)!.includes("\x1b[33m  dead letters  1  unknown-currency 1\x1b[39m"), true);
  stop.abort();
  await following;
  deepStrictEqual(shown(written), ["Before", ""]);
});

Deno.test("Screen.follow() writes whole lines without control characters when there is no terminal", async () => {
  const { clock, written, screen } = world({ isTerminal: false, colours: false });
  const stop = new AbortController();
  const following = screen.follow(() => viewOf(7), stop.signal);
  await clock.advance(5_000);
  stop.abort();
  await following;
  deepStrictEqual(written, Array(2).fill("  published 2000  stored 7  dead 1  0 events/s\n"));
});

Deno.test("Screen writes no colours when they are off, and fits its lines to the terminal", async () => {
  const { clock, written, screen } = world({ colours: false, columns: () => 20, rows: () => 4 });
  const stop = new AbortController();
  const following = screen.follow(() => viewOf(7), stop.signal);
  await clock.advance(100);
  deepStrictEqual(shown(written), ["  events        pub", "  throughput    0 e", "  subscribers   dem", ""]);
  strictEqual(written.join("").includes("\x1b[33m"), false);
  strictEqual(screen.bold("here"), "here");
  stop.abort();
  await following;
});

Deno.test("Screen.say() prints its line above the redrawn ones", async () => {
  const { clock, written, screen } = world();
  const stop = new AbortController();
  const following = screen.follow(() => viewOf(7), stop.signal);
  await clock.advance(100);
  screen.say("Something happened");
  deepStrictEqual(shown(written), ["Something happened", ""]);
  await clock.advance(200);
  const lines = shown(written);
  deepStrictEqual([lines[0], lines.length], ["Something happened", 8]);
  stop.abort();
  await following;
});

Deno.test("Screen.follow() moves up by the wrapped rows after the terminal becomes narrower", async () => {
  let columns = 80;
  const { clock, written, screen } = world({ columns: () => columns });
  const stop = new AbortController();
  const following = screen.follow(() => viewOf(7), stop.signal);
  await clock.advance(100);
  columns = 40;
  await clock.advance(200);
  strictEqual(written.at(-1)!.startsWith("\r\x1b[7A\x1b[J"), true, "one of the six has wrapped");
  stop.abort();
  await following;
});

const view: View = {
  ...{ published: 2_000, stored: 1_900, dead: 1, waiting: 99, lagMs: 1_250 },
  subscribers: [{ id: "demo-1", stored: 1_000 }, { id: "demo-2", stored: 900 }],
  rates: { asOfMs: Date.UTC(2026, 0, 2, 3, 4, 5), fetchedBy: ["demo-2"], calls: 1 },
  deadReasons: new Map([["unknown-currency", 1]]),
  newest: "Player #10 started playing.",
};

Deno.test("linesOf() shows throughput, lag, both subscribers, rates, dead letters by reason and the newest event", () => {
  deepStrictEqual(linesOf(view, 500), [
    "  events        published 2000  stored 1900  waiting 99",
    "  throughput    500 events/s  lag 1.3 s",
    "  subscribers   demo-1 1000  demo-2 900",
    "  rates         as of 03:04:05 UTC, fetched by demo-2, 1 call for both",
    "  dead letters  1  unknown-currency 1",
    "  newest        Player #10 started playing.",
  ]);
});

Deno.test("linesOf() has as many lines before the first event", () => {
  const empty = { ...view, dead: 0, rates: undefined, deadReasons: new Map(), newest: undefined };
  strictEqual(linesOf(empty, 0).length, linesOf(view, 0).length);
  deepStrictEqual(linesOf(empty, 0).slice(3), [
    "  rates         not fetched yet",
    "  dead letters  0",
    "  newest        no event stored yet",
  ]);
});

Deno.test("lineOf() returns one line", () => {
  strictEqual(lineOf(view, 500), "  published 2000  stored 1900  dead 1  500 events/s");
});
