/** Reads events from NDJSON. Reports and skips bad lines. */
import { never } from "../shared/runtime/deadline.ts";
import { messageIdOfBody } from "../shared/rabbitmq/message_id.ts";
import { encodeEvent } from "../shared/event/protobuf.ts";
import type { Event, Fault } from "../shared/event/event.ts";
import { parseEventJson } from "../shared/event/json.ts";
import { msOfTimestamp } from "../shared/event/timestamp.ts";
import { printable } from "../shared/runtime/printable.ts";
import { messageOf } from "../shared/runtime/errors.ts";
import type { Generated } from "./generator.ts";

/** A line without a valid event. */
export interface BadLine {
  /** Counted from 1. */
  readonly line: number;
  readonly faults: readonly Fault[];
  /** The input failed at this line; nothing after it was read. */
  readonly last?: true;
}

/** Bytes. Longer lines are rejected and not kept in memory; an event has a few hundred bytes. */
const longestLine = 64 * 1024;

/**
 * Reads UTF-8 lines until the input ends or fails, or the signal is aborted. Skips empty lines.
 *
 * When the input fails, yields a last bad line and does not throw, so the events before it are still published. Derives
 * the message id from the event, so publishing a file again stores nothing new.
 */
export async function* readEvents(
  input: ReadableStream<Uint8Array>,
  signal: AbortSignal = never,
): AsyncGenerator<Generated | BadLine> {
  let line = 0;
  for await (const text of linesOf(input, signal)) {
    line++;
    if (text instanceof ReadFailure) yield { line, faults: [text], last: true };
    else if (typeof text !== "string") yield { line, faults: [text] };
    else if (text.trim() !== "") {
      const event = parseEventJson(text);
      yield Array.isArray(event) ? { line, faults: event } : { messageId: messageIdOf(event), event };
    }
  }
}

/** Stands for a line that could not be read: the terminal is gone, the disk fails, the path is a directory. */
class ReadFailure implements Fault {
  readonly field = "line";
  readonly problem: string;

  constructor(error: unknown) {
    this.problem = `could not be read, nor what follows it: ${messageOf(error)}`;
  }
}

export function isBadLine(entry: Generated | BadLine): entry is BadLine {
  return "faults" in entry;
}

/** A line of 64 KiB can have thousands of faults. */
const mostFaultsShown = 10;

/** `events.ndjson:3: amount = -5 must be 0 or more` */
export function describeBadLine(file: string, { line, faults }: BadLine): string {
  const shown = faults.slice(0, mostFaultsShown).map(({ field, problem }) => `${file}:${line}: ${field} ${problem}`);
  if (faults.length > shown.length) shown.push(`${file}:${line}: ${faults.length - shown.length} faults more`);
  return shown.map((each) => printable(each)).join("\n");
}

function messageIdOf(event: Event): string {
  return messageIdOfBody(encodeEvent(event), msOfTimestamp(event.createdAt));
}

const tooLong: Fault = { field: "line", problem: `is longer than ${longestLine} bytes` };
const notUtf8: Fault = { field: "line", problem: "is not UTF-8" };

async function* linesOf(input: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<string | Fault> {
  let rest: Uint8Array = new Uint8Array();
  let skipping = false;
  for await (const chunk of chunksOf(input, signal)) {
    if (chunk instanceof ReadFailure) return yield chunk;
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, start)) {
      yield skipping ? tooLong : textOf(joined(rest, chunk.subarray(start, end)));
      skipping = false;
      rest = new Uint8Array();
      start = end + 1;
    }
    if (!skipping) rest = joined(rest, chunk.subarray(start));
    if (rest.length > longestLine) {
      skipping = true;
      rest = new Uint8Array();
    }
  }
  // After an abort, as after a failed read, the unfinished last line is dropped.
  if (signal.aborted) return;
  if (skipping) yield tooLong;
  else if (rest.length > 0) yield textOf(rest);
}

async function* chunksOf(
  input: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array | ReadFailure> {
  const reader = input.getReader();
  // Cancelling ends a read that is pending.
  const cancel = () => reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (let read; !signal.aborted && !(read = await reader.read()).done;) yield read.value;
  } catch (error) {
    yield new ReadFailure(error);
  } finally {
    signal.removeEventListener("abort", cancel);
    await cancel();
  }
}

const lineFeed = 0x0a;
/** Skips a byte order mark at the start of any line: concatenated files have one in the middle. */
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Rejects invalid UTF-8: replacement characters would change the event. */
function textOf(line: Uint8Array): string | Fault {
  if (line.length > longestLine) return tooLong;
  try {
    return decoder.decode(line);
  } catch {
    return notUtf8;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
