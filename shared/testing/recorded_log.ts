import type { Fields, Log } from "../telemetry/log.ts";

export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Fields;
}

/** A log that tests can read. */
export class RecordedLog implements Log {
  readonly entries: LogEntry[] = [];

  debug = (message: string, fields: Fields = {}) => void this.entries.push({ level: "debug", message, fields });
  info = (message: string, fields: Fields = {}) => void this.entries.push({ level: "info", message, fields });
  warn = (message: string, fields: Fields = {}) => void this.entries.push({ level: "warn", message, fields });
  error = (message: string, fields: Fields = {}) => void this.entries.push({ level: "error", message, fields });

  /** The messages at this level. */
  at(level: LogEntry["level"]): string[] {
    return this.entries.filter((entry) => entry.level === level).map(({ message }) => message);
  }
}
