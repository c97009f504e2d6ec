/** Records published messages, and counts their outcomes against the database and the dead letters. */
// @ts-types="@types/big.js"
import Big from "big.js";
import type { Event } from "../../shared/event/event.ts";
import { exponentOf } from "../../shared/event/money.ts";
import type { Session } from "../../shared/postgres/session.ts";
import type { DeadLetter } from "../../shared/rabbitmq/dead/dead_letter.ts";

/** Digits of a division: enough that double rounding has no effect. */
Big.DP = 40;

/** A message that was handed to a publisher. */
export interface Attempt {
  readonly messageId: string;
  /** The message's event; `undefined` for a bad message. */
  readonly event: Event | undefined;
  /** The reason with which a bad message must be dead-lettered. */
  readonly reason: string | undefined;
  /** Another acceptable reason: a server's limit may decide between the two. */
  readonly orReason?: string | undefined;
}

export interface Counts {
  readonly attempted: number;
  /** Confirmed by the broker. */
  readonly confirmed: number;
  /** Rows in Postgres. */
  readonly stored: number;
  /** Distinct messages that are dead-lettered and not stored. */
  readonly dead: number;
  /** Confirmed, but neither stored nor dead-lettered. */
  readonly lost: number;
  /** Stored or dead-lettered but never published, or stored with wrong values. */
  readonly unexpected: number;
  /** Rows beyond the first for the same event. */
  readonly duplicated: number;
  /** Stored, but in no subscriber's output. */
  readonly unreported: number;
  /** The first problems, in words. */
  readonly problems: readonly string[];
}

/** Reasons with which a valid event may be dead-lettered while there are faults. */
const forgivable = ["rates-timeout", "delivery-limit"];
const mostProblems = 20;

export class Ledger {
  readonly #attempts = new Map<string, Attempt>();
  readonly #confirmed = new Set<string>();
  /** Event ids from the subscribers' output. */
  readonly #reported = new Set<string>();

  attempt(attempt: Attempt): void {
    this.#attempts.set(attempt.messageId, attempt);
  }

  confirm(messageId: string): void {
    this.#confirmed.add(messageId);
  }

  /** Records a line of a subscriber's output. */
  report(line: string): void {
    // Ids beyond safe integers are strings in the JSON.
    const id = /^\{"id":"?(-?\d+)/.exec(line)?.[1];
    if (id) this.#reported.add(id);
  }

  get attempted(): number {
    return this.#attempts.size;
  }

  get confirmed(): number {
    return this.#confirmed.size;
  }

  /**
   * Returns whether each stored event is in the output. If a subscriber died in between, the next one reports the
   * event.
   */
  async isReported(sql: Session): Promise<boolean> {
    const rows = await sql.query<{ id: string }>("select event_id as id from events");
    return rows.every(({ id }) => this.#reported.has(id));
  }

  /** Returns whether every confirmed message is stored or dead-lettered. */
  async isSettled(sql: Session, deadIds: ReadonlySet<string>): Promise<boolean> {
    const rows = await sql.query<{ id: string }>("select message_id as id from events");
    const stored = new Set(rows.map(({ id }) => id));
    for (const id of this.#confirmed) if (!stored.has(id) && !deadIds.has(id)) return false;
    return true;
  }

  async count(sql: Session, letters: readonly DeadLetter[]): Promise<Counts> {
    const problems: string[] = [];
    const complain = (problem: string) => void (problems.length < mostProblems && problems.push(problem));
    const rows = await sql.query<Row>(`
      select message_id, event_id, player_id, game_id, type, amount, currency, has_won, rate, amount_eur from events`);
    const stored = new Set(rows.map((row) => row.message_id));
    const reasons = new Map<string, Set<string>>();
    for (const { messageId, reason } of letters) {
      reasons.set(messageId, (reasons.get(messageId) ?? new Set()).add(reason));
    }

    let unexpected = 0;
    let unreported = 0;
    for (const row of rows) {
      const problem = problemOf(row, this.#attempts.get(row.message_id));
      if (problem) {
        unexpected++;
        complain(`stored ${row.message_id}: ${problem}`);
      }
      if (!this.#reported.has(row.event_id)) {
        unreported++;
        complain(`stored ${row.message_id} was never reported`);
      }
    }
    for (const [id, why] of reasons) {
      const attempt = this.#attempts.get(id);
      const right = [attempt?.reason, attempt?.orReason, ...forgivable];
      const wrong = [...why].filter((reason) => !right.includes(reason));
      if (attempt && wrong.length === 0) continue;
      unexpected++;
      complain(`dead-lettered ${id} as ${[...why]}${attempt ? `, not ${attempt.reason}` : ", never published"}`);
    }
    let lost = 0;
    for (const id of this.#confirmed) {
      if (stored.has(id) || reasons.has(id)) continue;
      lost++;
      complain(`lost ${id}: ${this.#attempts.get(id)?.reason ?? "a good event"}`);
    }
    problems.push(...await problemsOfTotals(sql, rows));
    return {
      attempted: this.#attempts.size,
      confirmed: this.#confirmed.size,
      stored: rows.length,
      dead: [...reasons.keys()].filter((id) => !stored.has(id)).length,
      lost,
      unexpected,
      duplicated: rows.length - new Set(rows.map((row) => row.event_id)).size,
      unreported,
      problems,
    };
  }
}

interface Row {
  readonly message_id: string;
  readonly event_id: string;
  readonly player_id: string;
  readonly game_id: string | null;
  readonly type: string;
  readonly amount: string | null;
  readonly currency: string | null;
  readonly has_won: boolean | null;
  readonly rate: string | null;
  readonly amount_eur: string | null;
}

/** Compares the row with the published event, and its amount in EUR with the result of another library. */
function problemOf(row: Row, attempt: Attempt | undefined): string | undefined {
  const event = attempt?.event;
  if (!attempt) return "never published";
  if (!event) return `a bad event (${attempt.reason})`;
  const published = {
    event_id: String(event.id),
    player_id: String(event.playerId),
    game_id: "gameId" in event ? String(event.gameId) : null,
    type: event.type as string,
    amount: "amount" in event ? String(event.amount) : null,
    currency: "currency" in event ? event.currency : null,
    has_won: "hasWon" in event ? event.hasWon : null,
  };
  for (const [name, value] of Object.entries(published)) {
    if (row[name as keyof Row] !== value) return `${name} is ${row[name as keyof Row]}, was published as ${value}`;
  }
  const eur = eurCentsOf(row);
  return row.amount_eur === eur ? undefined : `amount_eur is ${row.amount_eur}, not ${eur}`;
}

function eurCentsOf({ amount, currency, rate }: Row): string | null {
  if (amount === null || currency === null) return null;
  const major = Big(amount).div(Big(10).pow(exponentOf(currency) ?? 2));
  return major.div(currency === "EUR" ? "1" : rate ?? "0").times(100).round(0, Big.roundHalfUp).toFixed();
}

async function problemsOfTotals(sql: Session, rows: readonly Row[]): Promise<string[]> {
  const problems: string[] = [];
  // The last release has no views, and after a rollback to it there are none.
  const { now } = await sql.one(
    "select case when to_regclass('player_totals_now') is null then '' else '_now' end as now",
  );
  const expected = new Map<string, [number, number, bigint]>();
  for (const { player_id, type, has_won, amount_eur } of rows) {
    if (type !== "bet" && type !== "deposit") continue;
    const [bets, wins, deposits] = expected.get(player_id) ?? [0, 0, 0n];
    const bet = type === "bet" ? 1 : 0;
    const deposit = type === "deposit" ? BigInt(amount_eur ?? 0) : 0n;
    expected.set(player_id, [bets + bet, wins + (has_won ? 1 : 0), deposits + deposit]);
  }
  const totals = await sql.query<{ player_id: string; sums: string }>(
    `select player_id, concat_ws(',', bets, wins, deposits_eur) as sums from player_totals${now}`,
  );
  const found = new Map(totals.map(({ player_id, sums }) => [player_id, sums]));
  for (const [player, [bets, wins, deposits]] of expected) {
    const sums = [bets, wins, String(deposits)].join();
    if (found.get(player) !== sums) {
      problems.push(`totals of player ${player}: ${found.get(player)} not ${sums}`);
    }
  }
  if (found.size !== expected.size) problems.push(`${found.size} players have totals, not ${expected.size}`);
  const { counted } = await sql.one(`select coalesce(sum(events), 0)::int as counted from event_counts${now}`);
  if (counted !== rows.length) problems.push(`event_counts: ${counted}, not ${rows.length}`);
  return problems;
}
