import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Event } from "../shared/event/event.ts";
import { eventToJson } from "../shared/event/json.ts";
import { anyEvent, statesTheSame } from "../tests/fixtures/arbitraries.ts";
import { mutatedBytes } from "../tests/fixtures/mutated_bytes.ts";
import { wireText } from "../tests/fixtures/wire_format.ts";
import { describeBadLine, isBadLine, readEvents } from "./ndjson_input.ts";

const lineOf = (event: Event) => JSON.stringify(eventToJson(event));
const bytesOf = (text: string) => new TextEncoder().encode(text);
const lineEnd = fc.constantFrom("\n", "\n", "\r\n", "\n\n", "\n \t\r\n");
const start = fc.constantFrom("", "", "\ufeff");

/** Several lines; the last one may lack its line end. */
const anyFile = fc.tuple(start, fc.array(fc.tuple(anyEvent.map(lineOf), lineEnd), { maxLength: 4 }), fc.boolean()).map(
  ([mark, lines, ended]) => bytesOf(mark + (ended ? lines.flat() : lines.flat().slice(0, -1)).join("")),
);
const cuts = fc.array(fc.nat(), { maxLength: 8 });

function streamOf(bytes: Uint8Array, at: readonly number[]): ReadableStream<Uint8Array> {
  const ends = [...at.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return ReadableStream.from(ends.map((end, i) => bytes.slice(ends[i - 1] ?? 0, end)));
}

/** Returns the events, and the line number of each bad line. Asserts that the result does not depend on the cuts. */
async function read(bytes: Uint8Array, at: readonly number[]): Promise<(Event | number)[]> {
  const [entries, uncut] = await Promise.all(
    [at, []].map((each) => Array.fromAsync(readEvents(streamOf(bytes, each)))),
  );
  deepStrictEqual(entries, uncut);
  return entries!.map((entry) => {
    if (!isBadLine(entry)) return entry.event;
    ok(entry.faults.length > 0 && describeBadLine("f", entry).startsWith(`f:${entry.line}: `));
    return entry.line;
  });
}

/** Maps line numbers to lines, without blank lines; `undefined` stands for a line that is not UTF-8. */
function linesOf(bytes: Uint8Array): Map<number, string | undefined> {
  const lines = new Map<number, string | undefined>();
  for (const [i, latin1] of Buffer.from(bytes).toString("latin1").split("\n").entries()) {
    const text = textOf(Buffer.from(latin1, "latin1"));
    if (text?.trim() !== "") lines.set(i + 1, text?.replace(/^\ufeff/, ""));
  }
  return lines;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return wireText(bytes);
  } catch {
    return undefined;
  }
}

Deno.test("readEvents() reads 5,000 files of events, in chunks of any size", async () => {
  const events = fc.array(fc.tuple(anyEvent, lineEnd), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(start, events, cuts, async (mark, lines, at) => {
      const file = mark + lines.map(([event, end]) => lineOf(event) + end).join("");
      deepStrictEqual(await read(bytesOf(file), at), lines.map(([event]) => event));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("readEvents() returns an event or a bad line for each line of 10,000 mutated files, and changes no event", async () => {
  const counts = { events: 0, bad: 0 };
  await fc.assert(
    fc.asyncProperty(mutatedBytes(anyFile), cuts, async (file, at) => {
      const entries = await read(file, at);
      const lines = [...linesOf(file)];
      strictEqual(entries.length, lines.length);
      for (const [i, entry] of entries.entries()) {
        const [number, line] = lines[i]!;
        if (typeof entry === "number") strictEqual(entry, number);
        else statesTheSame(entry, line ?? "not UTF-8");
        counts[typeof entry === "number" ? "bad" : "events"]++;
      }
    }),
    { numRuns: 10_000 },
  );
  ok(counts.events > 3_000 && counts.bad > 3_000, JSON.stringify(counts));
});

Deno.test("readEvents() limits lines to 65,536 bytes wherever the stream is split, in 300 files", async () => {
  const character = fc.constantFrom("x", " ", "é", "€", "💶");
  const length = fc.integer({ min: 65_530, max: 65_540 });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(length, character), { minLength: 1, maxLength: 3 }), cuts, async (lines, at) => {
      const texts = lines.map(([bytes, filler]) => {
        const size = bytesOf(filler).length;
        return filler.repeat(bytes / size) + "y".repeat(bytes % size);
      });
      const expected = lines.flatMap(([bytes, filler], i) => filler !== " " || bytes > 65_536 ? [i + 1] : []);
      deepStrictEqual(await read(bytesOf(texts.join("\n")), at), expected);
    }),
    { numRuns: 300 },
  );
});
