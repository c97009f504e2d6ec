/** Events from a file of JSON lines. A bad line is told and skipped; the others are published. */
import { messageIdOfBody } from "../shared/amqp/message_id.ts";
import { encodeEvent } from "../shared/codec.ts";
import type { Event, Fault } from "../shared/event.ts";
import { parseEventJson } from "../shared/event_json.ts";
import { msOfTimestamp } from "../shared/timestamp.ts";
import type { Generated } from "./generator.ts";

/** A line that states no valid event. */
export interface BadLine {
  /** Counted from 1. */
  readonly line: number;
  readonly faults: readonly Fault[];
}

/** A longer line is refused rather than gathered in memory; an event has a few hundred characters. */
const longestLine = 64 * 1024;

/**
 * Reads UTF-8 lines; empty ones are passed over. The message id is made from the event, so that a file that is published
 * again brings nothing new.
 */
export async function* readEvents(input: ReadableStream<Uint8Array>): AsyncGenerator<Generated | BadLine> {
  let line = 0;
  for await (const text of linesOf(input)) {
    line++;
    if (text === tooLong) {
      yield { line, faults: [{ field: "line", problem: `is longer than ${longestLine} characters` }] };
    } else if (text.trim() !== "") {
      const event = parseEventJson(text);
      yield Array.isArray(event) ? { line, faults: event } : { messageId: messageIdOf(event), event };
    }
  }
}

export function isBadLine(entry: Generated | BadLine): entry is BadLine {
  return "faults" in entry;
}

/** `events.ndjson:3: amount = -5 must be 0 or more` */
export function describeBadLine(file: string, { line, faults }: BadLine): string {
  return faults.map(({ field, problem }) => `${file}:${line}: ${field} ${problem}`).join("\n");
}

function messageIdOf(event: Event): string {
  return messageIdOfBody(encodeEvent(event), msOfTimestamp(event.createdAt));
}

const tooLong = Symbol("too long");

async function* linesOf(input: ReadableStream<Uint8Array>): AsyncGenerator<string | typeof tooLong> {
  let rest = "";
  let skipping = false;
  for await (const chunk of input.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      yield skipping || line.length > longestLine ? tooLong : line;
      skipping = false;
    }
    if (rest.length > longestLine) {
      skipping = true;
      rest = "";
    }
  }
  if (skipping) yield tooLong;
  else if (rest !== "") yield rest;
}
