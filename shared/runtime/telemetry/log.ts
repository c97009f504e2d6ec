/** Structured log records, one line each, to stderr. Events go to stdout and never to the log. */
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
  /** The program, such as `subscriber`. */
  readonly member: string;
  /** The program's instance. */
  readonly id?: string;
  /** Returns the current span, if any, which is added to the record. */
  readonly activeSpan?: (() => TraceParent | undefined) | undefined;
}

/** Configures the output of {@linkcode getLog}: readable lines if stderr is a terminal, otherwise JSON lines. */
export async function configureLog({ level, member, id, activeSpan }: LogOptions): Promise<void> {
  const format = Deno.stderr.isTerminal() ? humanLine : jsonLine({ member, ...(id && { id }) });
  const encoder = new TextEncoder();
  await configure({
    reset: true,
    sinks: {
      stderr: (record) => {
        // Synchronous, so that a dying process does not lose its last records.
        try {
          Deno.stderr.writeSync(encoder.encode(format(inSpan(record, activeSpan?.()))));
        } catch {
          // stderr is closed; the program continues.
        }
      },
    },
    loggers: [
      { category: [], lowestLevel: level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["stderr"] },
    ],
  });
}

/** Returns a log that is silent until {@linkcode configureLog} is called. */
export function getLog(category: string): Log {
  const logger = getLogger([category]);
  const write = (level: "debug" | "info" | "warn" | "error") => (message: string, fields: Fields = {}) =>
    logger[level](message.replaceAll("{", "{{"), { ...fields });
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

/** A log that discards everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Adds trace and span id under OpenTelemetry's names for logs in other formats. */
function inSpan(record: LogRecord, span: TraceParent | undefined): LogRecord {
  if (!span) return record;
  return { ...record, properties: { ...record.properties, trace_id: span.traceId, span_id: span.spanId } };
}

/** Length limit of a record's message and of each field, in code units; stack traces are shorter. */
const mostOfOne = 4_096;

/** Formats a record as one line of JSON. Exported for tests, like {@linkcode humanLine}. */
export function jsonLine(common: Fields): (record: LogRecord) => string {
  const format = getJsonLinesFormatter({ properties: "flatten" });
  return (record) => {
    const properties: Record<string, unknown> = { ...common };
    for (const [name, value] of Object.entries(record.properties)) properties[name] = bounded(value);
    return printableJson(redact(format({ ...record, message: record.message.map(bounded), properties })));
  };
}

/** Formats a record as one line for a terminal. */
export function humanLine({ timestamp, level, message, properties }: LogRecord): string {
  const time = new Date(timestamp).toISOString().slice(11, 23);
  const fields = Object.entries(properties).filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${shown(value)}`).join("");
  const text = redact(`${message.map(bounded).join("")}${fields}`);
  return `${time} ${level.padEnd(7)} ${printable(text, Infinity)}\n`;
}

/** Shortens a value of any type to the length limit. */
function bounded(value: unknown): unknown {
  if (typeof value === "string") return cut(value);
  if (typeof value !== "object" || value === null || value instanceof Error) return value;
  const text = shown(value);
  return text.length > mostOfOne ? text : value;
}

function cut(text: string): string {
  // The cut may remove the @ by which redact() detects a password.
  return text.length <= mostOfOne ? text : cutTo(text, mostOfOne).replace(/\/\/[^/?#\s":]*:[^\s"]*…$/, "//***…");
}

function shown(value: unknown): string {
  if (typeof value === "string") return cut(value);
  if (value instanceof Error) return cut(value.message);
  try {
    return cut(JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part) ?? String(value));
  } catch {
    // The value has a circular reference.
    return String(value);
  }
}
