/** Edits of dead letters. The original stays; a replay publishes the last edit. */
import { applyChange, type Change } from "../../event/change.ts";
import type { Event } from "../../event/event.ts";
import { eventToJson, jsonInteger } from "../../event/json.ts";
import type { DeadLetter } from "./dead_letter.ts";

/** The result of an edit: the event's JSON before, if the body is a protobuf message, and after. */
export interface EditOutcome {
  readonly messageId: string;
  readonly number: bigint;
  readonly before: string | undefined;
  readonly after?: string | undefined;
  /** Why the change cannot be applied. */
  readonly problem?: string;
}

export const claimedProblem =
  "a replay publishes it, or may have done so before it was cut off: replay it, and edit it if it dies again";

/**
 * Applies the change to the letter's last edit, or to its body if there is no edit.
 * @returns no event when the change cannot be applied
 */
export function editOf(letter: DeadLetter, change: Change): { readonly outcome: EditOutcome; readonly event?: Event } {
  const changed = applyChange(letter.edit?.body ?? letter.body, change);
  const outcome = { messageId: letter.messageId, number: letter.fate?.id ?? 0n, before: changed.before };
  const problem = refusalOf(letter, change) ?? ("problem" in changed ? changed.problem : undefined);
  if (problem !== undefined || !("event" in changed)) return { outcome: { ...outcome, problem: problem! } };
  const { event } = changed;
  return { event, outcome: { ...outcome, after: JSON.stringify(eventToJson(event)) } };
}

/** Returns why the letter cannot be edited. */
function refusalOf({ reason, fate, edit, body, bodyBytes }: DeadLetter, change: Change): string | undefined {
  if (fate && fate.status !== "dead") return `it is ${fate.status}`;
  if (reason === "id-conflict") {
    return "another event is stored under its message id, which an edit keeps: it would conflict again";
  }
  // The beginning of the body may decode as another event.
  if (!edit && body.length < bodyBytes && !("json" in change)) {
    return `its body of ${bodyBytes} bytes is longer than an event's: only a whole event can replace it`;
  }
  return fate?.claimed ? claimedProblem : undefined;
}

/** Returns an outcome with the keys of HTTP and `--json`. */
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
