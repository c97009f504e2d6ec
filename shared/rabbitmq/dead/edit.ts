/** Edits of dead letters: the original stays, and the last edit is what a replay publishes. */
import { applyChange, type Change } from "../../event/change.ts";
import type { Event } from "../../event/event.ts";
import { eventToJson, jsonInteger } from "../../event/json.ts";
import type { DeadLetter } from "./dead_letter.ts";

/** What an edit makes of a letter; JSON of its event before, if its body is a message, and after. */
export interface EditOutcome {
  readonly messageId: string;
  /** The letter's. */
  readonly number: bigint;
  readonly before: string | undefined;
  readonly after?: string | undefined;
  /** Why it does not fit. */
  readonly problem?: string;
}

export const claimedProblem =
  "a replay publishes it, or may have done so before it was cut off: replay it, and edit it if it dies again";

/**
 * What the change would make of a letter: of its last edit, if it has any.
 * @returns the outcome alone where it does not fit
 */
export function editOf(letter: DeadLetter, change: Change): { readonly outcome: EditOutcome; readonly event?: Event } {
  const changed = applyChange(letter.edit?.body ?? letter.body, change);
  const outcome = { messageId: letter.messageId, number: letter.fate?.id ?? 0n, before: changed.before };
  const problem = refusalOf(letter, change) ?? ("problem" in changed ? changed.problem : undefined);
  if (problem !== undefined || !("event" in changed)) return { outcome: { ...outcome, problem: problem! } };
  const { event } = changed;
  return { event, outcome: { ...outcome, after: JSON.stringify(eventToJson(event)) } };
}

/** Why no edit can change it. */
function refusalOf({ reason, fate, edit, body, bodyBytes }: DeadLetter, change: Change): string | undefined {
  if (fate && fate.status !== "dead") return `it is ${fate.status}`;
  if (reason === "id-conflict") {
    return "another event is stored under its message id, which an edit keeps: it would conflict again";
  }
  // Its beginning may pass for another event.
  if (!edit && body.length < bodyBytes && !("json" in change)) {
    return `its body of ${bodyBytes} bytes is longer than an event's: only a whole event can replace it`;
  }
  return fate?.claimed ? claimedProblem : undefined;
}

/** The keys over HTTP and of `--json`. */
export function outcomeToJson({ messageId, number, before, after, problem }: EditOutcome) {
  return {
    ...{ message_id: messageId, number: jsonInteger(number) },
    ...{
      before: before === undefined ? null : JSON.parse(before),
      after: after === undefined ? null : JSON.parse(after),
    },
    problem: problem ?? null,
  };
}
