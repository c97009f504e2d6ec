/** Describes an event in one sentence. */
import type { Event } from "../../../shared/event/event.ts";
import { kindOf } from "../../../shared/event/kinds.ts";
import { exponentOf, formatMajor } from "../../../shared/event/money.ts";
import type { Timestamp } from "../../../shared/event/timestamp.ts";

const games: ReadonlyMap<bigint, string> = new Map([
  [100n, "Rocket Dice"],
  [101n, "It's bananas!"],
  [102n, "Wild Spin"],
  [103n, "Book of Dead"],
  [104n, "Pirate Jackpots"],
  [105n, "Western Gold 2"],
  [106n, "Super Rainbow Megaways"],
  [107n, "#BarsAndBells"],
  [108n, "Fortune Three"],
  [109n, "ChilliPop"],
]);

const months = "January February March April May June July August September October November December".split(" ");

/**
 * Returns the sentence about an event.
 * @param amountEur in cents; given for events with money
 * @param email given when the player is known
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { deposit } from "../../../tests/fixtures/deliveries.ts";
 *
 * strictEqual(
 *   describe(deposit(), 10_000n, "bob@example.com"),
 *   "Player #12 (bob@example.com) made a deposit of 100 EUR on February 2nd, 2022 at 23:45 UTC.",
 * );
 * ```
 */
export function describe(event: Event, amountEur: bigint | undefined, email: string | undefined): string {
  return kindOf(event.type).sentence({
    player: email === undefined ? `Player #${event.playerId}` : `Player #${event.playerId} (${email})`,
    game: "gameId" in event ? describeGame(event.gameId) : "",
    money: "amount" in event ? describeMoney(event.amount, event.currency, amountEur) : "",
    hasWon: "hasWon" in event && event.hasWon,
    time: describeTime(event.createdAt),
  });
}

function describeGame(id: bigint): string {
  const title = games.get(id);
  return title === undefined ? `game #${id}` : `a game "${title}"`;
}

/** The currency's exponent is always known here: the amount was converted with it. */
function describeMoney(amount: bigint, currency: string, amountEur: bigint | undefined): string {
  const own = `${formatMajor(amount, exponentOf(currency) ?? 0)} ${currency}`;
  return currency === "EUR" || amountEur === undefined ? own : `${own} (${formatMajor(amountEur, 2)} EUR)`;
}

/** Returns `February 2nd, 2022 at 23:45 UTC`. Caches the last minute: most events share it with the event before. */
function describeTime({ seconds }: Timestamp): string {
  const minute = Math.floor(seconds / 60);
  if (minute !== last.minute) last = { minute, text: describeMinute(minute) };
  return last.text;
}

let last = { minute: NaN, text: "" };

function describeMinute(minutes: number): string {
  const date = new Date(minutes * 60_000);
  const day = date.getUTCDate();
  const hour = String(date.getUTCHours()).padStart(2, "0");
  const minute = String(date.getUTCMinutes()).padStart(2, "0");
  return `${months[date.getUTCMonth()]} ${day}${ordinalSuffix(day)}, ${date.getUTCFullYear()} at ${hour}:${minute} UTC`;
}

function ordinalSuffix(day: number): string {
  if (day >= 11 && day <= 13) return "th";
  return ["th", "st", "nd", "rd"][day % 10] ?? "th";
}
