import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { Screen, type Terminal } from "./screen.ts";

function world(changes: Partial<Terminal> = {}) {
  const clock = new VirtualClock();
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const terminal = { isTerminal: true, columns: () => 80, colours: true, write, ...changes };
  return { clock, written, screen: new Screen(terminal, clock) };
}

const counts = (stored: number) => ({ published: 2_000, stored, dead: 1 });

Deno.test("Screen.follow() redraws one line on a terminal, and leaves none behind", async () => {
  const { clock, written, screen } = world();
  const stop = new AbortController();
  let stored = 0;
  const following = screen.follow(() => counts(stored += 100), stop.signal);
  await clock.advance(2_000);
  stop.abort();
  await following;
  strictEqual(written.some((text) => text.includes("\n")), false);
  strictEqual(written.at(-1), "\r\x1b[K");
  strictEqual(
    written.at(-2),
    "\r\x1b[K  published 2000  stored 1100  \x1b[33mdead 1\x1b[0m  500 events/s",
  );
});

Deno.test("Screen.follow() writes whole lines without any control character where there is no terminal", async () => {
  const { clock, written, screen } = world({ isTerminal: false, colours: false });
  const stop = new AbortController();
  const following = screen.follow(() => counts(7), stop.signal);
  await clock.advance(5_000);
  stop.abort();
  await following;
  deepStrictEqual(written, Array(2).fill("  published 2000  stored 7  dead 1  0 events/s\n"));
});

Deno.test("Screen writes no colours where they are off, and no longer line than the terminal has room for", async () => {
  const { clock, written, screen } = world({ colours: false, columns: () => 20 });
  const stop = new AbortController();
  const following = screen.follow(() => counts(7), stop.signal);
  await clock.advance(100);
  strictEqual(written[0], "\r\x1b[K  published 2000  s");
  strictEqual(screen.bold("here"), "here");
  stop.abort();
  await following;
});

Deno.test("Screen.say() puts its line above the one that is redrawn", async () => {
  const { clock, written, screen } = world();
  const stop = new AbortController();
  const following = screen.follow(() => counts(7), stop.signal);
  await clock.advance(100);
  screen.say("Something happened");
  deepStrictEqual(written.slice(1), ["\r\x1b[K", "Something happened\n"]);
  await clock.advance(200);
  match(written.at(-1)!, /stored 7/);
  stop.abort();
  await following;
});
