/** Filters as SQL. */
import type { Filter } from "../../shared/rabbitmq/dead/admin.ts";
import type { Status } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { parseMessageId } from "../../shared/rabbitmq/message_id.ts";
import { arrayLiteral } from "../../shared/postgres/copy_rows.ts";

/** Conditions of a WHERE clause, and their parameters. */
export class Conditions {
  readonly parameters: string[] = [];
  readonly #all: string[];

  /** @param status overrides the statuses of the filter: an act applies to letters of one status */
  constructor(
    { statuses = ["dead"], reasons, ids, groups, sinceMs, untilMs, playerId, eventId, text, replaysBelow }: Filter,
    status?: Status,
  ) {
    // Literals instead of parameters, so that Postgres uses the partial indexes by status.
    const names = (status ? [status] : statuses).map((name) => `'${name}'`);
    this.#all = [names.length === 1 ? `status = ${names[0]}` : `status in (${names.join(", ")})`];
    if (reasons) this.add((reasons) => `reason = any(${reasons}::text[])`, arrayLiteral(reasons.map(withoutNul)));
    if (ids) this.#addIds(ids);
    if (groups) this.add((groups) => `cause_group = any(${groups}::text[])`, arrayLiteral(groups.map(withoutNul)));
    if (sinceMs !== undefined) this.add((since) => `last_failed_at >= ${since}::timestamptz`, timeOf(sinceMs));
    if (untilMs !== undefined) this.add((until) => `last_failed_at < ${until}::timestamptz`, timeOf(untilMs));
    if (playerId !== undefined) this.add((player) => `player_id = ${player}::bigint`, String(playerId));
    if (eventId !== undefined) this.add((event) => `event_id = ${event}::bigint`, String(eventId));
    if (replaysBelow !== undefined) this.add((most) => `replays < ${most}::bigint`, String(replaysBelow));
    if (text !== undefined) this.add((part) => `strpos(lower(detail), lower(${part})) > 0`, withoutNul(text));
  }

  add(condition: (parameter: string) => string, value: string): this {
    this.parameters.push(value);
    this.#all.push(condition(`$${this.parameters.length}`));
    return this;
  }

  toString(): string {
    return this.#all.join(" and ");
  }

  #addIds(ids: readonly string[]): void {
    const uuids = ids.map(parseMessageId).filter((id) => id !== undefined);
    this.parameters.push(arrayLiteral(uuids), arrayLiteral(ids.map(withoutNul)));
    const [byId, bySent] = [this.parameters.length - 1, this.parameters.length];
    this.#all.push(`(message_id = any($${byId}::uuid[]) or sent_id = any($${bySent}::text[]))`);
  }
}

/** Replaces what Postgres cannot store in text, as letter_row.ts does. */
export function withoutNul(text: string): string {
  return text.replaceAll("\0", "\u{fffd}").toWellFormed();
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
