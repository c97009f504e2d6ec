/** Diagnostics: structured records to stderr, one line each. Events go to stdout, never here. */
import { configure, getJsonLinesFormatter, getLogger, type LogRecord } from "@logtape/logtape";
import { redact } from "../secrets.ts";
import { cutTo, printable, printableJson } from "../printable.ts";
import type { TraceParent } from "./tracing.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export interface LogOptions {
  readonly level: "debug" | "info" | "warning" | "error";
  /** The program: `subscriber`. */
  readonly member: string;
  /** This one of its instances. */
  readonly id?: string;
  /** The span that a record is written in, if there is one: the record names it. */
  readonly activeSpan?: (() => TraceParent | undefined) | undefined;
}

/** Sets up where the records of {@linkcode getLog} go: for a human when stderr is a terminal, else as JSON lines. */
export async function configureLog({ level, member, id, activeSpan }: LogOptions): Promise<void> {
  const format = Deno.stderr.isTerminal() ? humanLine : jsonLine({ member, ...(id && { id }) });
  const encoder = new TextEncoder();
  await configure({
    reset: true,
    sinks: {
      stderr: (record) => {
        // Synchronous: the last records of a process that dies must not be lost.
        try {
          Deno.stderr.writeSync(encoder.encode(format(inSpan(record, activeSpan?.()))));
        } catch {
          // stderr is closed, which is no reason to stop.
        }
      },
    },
    loggers: [
      { category: [], lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** Silent until {@linkcode configureLog} was called. */
export function getLog(category: string): Log {
  const logger = getLogger([category]);
  const write = (level: "debug" | "info" | "warn" | "error") => (message: string, fields: Fields = {}) =>
    logger[level](message.replaceAll("{", "{{"), { ...fields });
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** For tests and for code that has nothing to say. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** By the names that OpenTelemetry gives them in logs that are not its own. */
function inSpan(record: LogRecord, span: TraceParent | undefined): LogRecord {
  if (!span) return record;
  return { ...record, properties: { ...record.properties, trace_id: span.traceId, span_id: span.spanId } };
}

/** Longest text, be it the message or one field, that a record is given; stack traces have fewer code units. */
const mostOfOne = 4_096;

/** One line of JSON. Exported for tests, as {@linkcode humanLine} is. */
export function jsonLine(common: Fields): (record: LogRecord) => string {
  const format = getJsonLinesFormatter({ properties: "flatten" });
  return (record) => {
    const properties: Record<string, unknown> = { ...common };
    for (const [name, value] of Object.entries(record.properties)) properties[name] = bounded(value);
    return printableJson(redact(format({ ...record, message: record.message.map(bounded), properties })));
  };
}

/** One line for a terminal. */
export function humanLine({ timestamp, level, message, properties }: LogRecord): string {
  const time = new Date(timestamp).toISOString().slice(11, 23);
  const fields = Object.entries(properties).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${shown(value)}`).join("");
  const text = redact(`${message.map(bounded).join("")}${fields}`);
  return `${time} ${level.padEnd(7)} ${printable(text, Infinity)}\n`;
}

/** Cut where it is too long, whatever it is. */
function bounded(value: unknown): unknown {
  if (typeof value === "string") return cut(value);
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  const text = shown(value);
  return text.length > mostOfOne ? text : value;
}

function cut(text: string): string {
  // The cut may remove the @ by which redact() recognises a password.
  return text.length <= mostOfOne ? text : cutTo(text, mostOfOne).replace(/\/\/[^/?#\s":]*:[^\s"]*…$/, "//***…");
}

function shown(value: unknown): string {
  if (typeof value === "string") return cut(value);
  if (value instanceof Error) return cut(value.message);
  try {
    return cut(JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part) ?? String(value));
  } catch {
    // The value contains itself.
    return String(value);
  }
}
