/** Dead letters that tests tell apart by number, and helpers to read them back. */
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import type { Delivery } from "../../shared/rabbitmq/delivery.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { type Log, silentLog } from "../../shared/runtime/telemetry/log.ts";
import { letterOf } from "../conformance/dead_letter_admin.ts";
import { bet } from "../fixtures/deliveries.ts";
import type { TestLetters } from "./test_letters.ts";

export const reasons = [
  "undecodable",
  "invalid",
  "unknown-currency",
  "rates-timeout",
  "store-rejected",
  "processing-failed",
];

/** Returns letters of six reasons; the n-th has the n-th detail. */
export function letters(count: number, from = 0): Delivery[] {
  return Array.from({ length: count }, (_, n) => {
    const at = from + n;
    const headers = {
      [deadHeaders.detail]: `amount ${-at}`,
      [deadHeaders.lastFailedAt]: new Date(1_764_453_600_000 + at).toISOString(),
    };
    const body = encodeEvent(bet({ id: BigInt(at), playerId: BigInt(10 + at % 7) }));
    return { ...letterOf(reasons[at % reasons.length]!, headers), body };
  });
}

/** Returns the letters in the order of the table. */
export async function kept({ sql }: TestLetters): Promise<string[]> {
  const rows = await sql.query<{ detail: string }>("select detail from dead_letters order by id");
  return rows.map(({ detail }) => detail);
}

export function details(all: readonly Delivery[]): string[] {
  return all.map(({ headers }) => String(headers[deadHeaders.detail]));
}

/** Returns a log, and the event codes that it has logged. */
export function codes(): { log: Log; logged: Record<string, unknown>[] } {
  const logged: Record<string, unknown>[] = [];
  const note = (_: string, fields: Record<string, unknown> = {}) => void logged.push(fields);
  return { log: { ...silentLog, info: note, warn: note, error: note }, logged };
}
