/** A line of JSON read a second time, to judge what was made of it. */
import { strictEqual } from "node:assert/strict";
import type { Event } from "../event.ts";

/** Takes every number for the text that it is, and created_at by Temporal. */
export function statesTheSame(event: Event, line: string): void {
  const asText = line.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+\-]*/g, (token) => token[0] === '"' ? token : `"${token}"`);
  const stated = JSON.parse(asText);
  const { seconds, nanos } = event.createdAt;
  strictEqual(BigInt(seconds) * 10n ** 9n + BigInt(nanos), Temporal.Instant.from(stated.created_at).epochNanoseconds);
  for (const name of ["id", "player_id", "game_id", "amount"]) {
    const value = event[name.replace(/_i/, "I") as keyof Event] ?? 0n;
    strictEqual(value, BigInt(stated[name] ?? 0), name);
  }
  strictEqual("currency" in event ? event.currency : "", stated.currency ?? "");
  strictEqual("hasWon" in event ? event.hasWon : false, stated.has_won ?? false);
  strictEqual(event.type, stated.type);
}
