import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { parseEventJson } from "../shared/event/json.ts";
import { describeBadLine, isBadLine, readEvents } from "./ndjson_input.ts";

const line = (id: number) =>
  JSON.stringify({ id, player_id: 10, game_id: 100, type: "game_start", created_at: "2022-01-10T12:34:00Z" });

/** @param chunk bytes per chunk */
function streamOf(text: string, chunk = 7): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  return ReadableStream.from((function* () {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.slice(at, at + chunk);
  })());
}

/** Returns the ids of the events, and the description of each bad line. */
async function read(input: ReadableStream<Uint8Array>, signal?: AbortSignal): Promise<string[]> {
  const entries = await Array.fromAsync(readEvents(input, signal));
  return entries.map((entry) => isBadLine(entry) ? describeBadLine("f", entry) : `${entry.event.id}`);
}

const betWith = (fields: string) => line(2).replace("game_start", "bet").replace("}", `,${fields}}`);
const cases: [what: string, text: string, read: string[]][] = [
  [
    "skips empty lines, and needs no final line break",
    `${line(1)}\n\n  \r\n${line(2)}\r\n${line(3)}`,
    ["1", "2", "3"],
  ],
  [
    "names a bad line by its number, and continues",
    `${line(1)}\n\n${line(2).replace("10", '"x"')}\n${line(3)}\n`,
    ["1", 'f:3: player_id = "x" must be a 64-bit integer, as a number or a decimal string', "3"],
  ],
  [
    "rejects a line that is too long, and continues",
    `${"x".repeat(200_000)}\n${line(2)}\n${"y".repeat(70_000)}`,
    ["f:1: line is longer than 65536 bytes", "2", "f:3: line is longer than 65536 bytes"],
  ],
  ["skips a byte order mark", `\ufeff${line(1)}\n\ufeff\n\ufeff${line(2)}`, ["1", "2"]],
  [
    "rejects a key that is there twice, and names it",
    `${line(1)}\n${betWith('"amount":5,"\\u0061mount":50000,"currency":"EUR"')}\n${line(3)}`,
    ["1", "f:2: amount appears more than once", "3"],
  ],
];
for (const [what, text, expected] of cases) {
  Deno.test(`readEvents() ${what}, wherever the text is split`, async () => {
    for (const chunk of [7, 64, 10_000]) deepStrictEqual(await read(streamOf(text, chunk)), expected);
  });
}

Deno.test("readEvents() rejects a line that is not UTF-8 and does not repair it", async () => {
  const bet = (currency: string) => betWith(`"amount":5,"currency":"${currency}"`);
  const bytes = new TextEncoder().encode(`${bet("EU?")}\n${bet("€\ufffd")}\n`);
  bytes[bytes.indexOf("?".charCodeAt(0))] = 0xff;
  const entries = await Array.fromAsync(readEvents(ReadableStream.from([bytes])));
  deepStrictEqual(entries.map((entry) => isBadLine(entry) ? describeBadLine("f", entry) : entry.event), [
    "f:1: line is not UTF-8",
    parseEventJson(bet("€\ufffd")),
  ]);
});

Deno.test("readEvents() stops on its signal while its input is silent, and drops half a line", async () => {
  const stop = new AbortController();
  let cancelled = false;
  const silent = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(`${line(1)}\n${line(2).slice(0, 20)}`)),
    cancel: () => void (cancelled = true),
  });
  const entries = [];
  for await (const entry of readEvents(silent, stop.signal)) {
    entries.push(isBadLine(entry) ? describeBadLine("f", entry) : `${entry.event.id}`);
    setTimeout(() => stop.abort());
  }
  deepStrictEqual([entries, cancelled], [["1"], true]);
});

Deno.test("readEvents() derives the same message id for equal events on any line, and another for other events", async () => {
  const ids = async (text: string) =>
    (await Array.fromAsync(readEvents(streamOf(text)))).map((entry) => isBadLine(entry) ? "" : entry.messageId);
  const [one, two] = await ids(`${line(1)}\n${line(2)}`);
  deepStrictEqual(await ids(`${line(2)}\n${line(1).replace(/,/g, " , ")}\n`), [two, one]);
  strictEqual(one === two, false);
});

Deno.test("describeBadLine() escapes terminal sequences, and shows only the first of thousands of errors", () => {
  const faults = Array.from({ length: 3_000 }, () => ({ field: "line", problem: 'is not JSON: "\x1b[2J\u202e' }));
  const lines = describeBadLine("f", { line: 7, faults }).split("\n");
  deepStrictEqual([lines.length, lines[0], lines.at(-1)], [
    ...[11, 'f:7: line is not JSON: "\\u001b[2J\\u202e'],
    "f:7: 2990 more faults",
  ]);
});

Deno.test("readEvents() returns the events from before its input failed, then names the failing line", async () => {
  for (const half of ["", line(3).slice(0, 20)]) {
    const chunks = [`${line(1)}\n${line(2)}\n${half}`];
    const failing = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = chunks.shift();
        if (chunk === undefined) controller.error(new Error("Input/output error (os error 5)"));
        else controller.enqueue(new TextEncoder().encode(chunk));
      },
    });
    const entries = await Array.fromAsync(readEvents(failing));
    deepStrictEqual(entries.map((entry) => isBadLine(entry) ? describeBadLine("f", entry) : `${entry.event.id}`), [
      ...["1", "2"],
      "f:3: line could not be read, and the rest of the file was skipped: Input/output error (os error 5)",
    ]);
    deepStrictEqual(entries.map((entry) => isBadLine(entry) && entry.last), [false, false, true]);
  }
});
