/** The history of a letter's message: each failure, edit and act, with its user, in the order of time. */
import { shown } from "./body.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */
/** @typedef {import("./answers.ts").LetterHistory} LetterHistory */
/** @typedef {import("./answers.ts").EventJson} EventJson */

/**
 * @typedef {object} Step
 * @property {"failed" | "failed again" | "edited" | "replayed" | "dropped" | "restored" | "stored"} what
 * @property {string | null} at RFC 3339
 * @property {string | null} by
 * @property {DeadLetter["number"]} letter
 * @property {string[]} words a line each
 */

/** @type {Record<DeadLetter["status"], Step["what"]>} */
const acts = { dead: "restored", replayed: "replayed", resolved: "replayed", dropped: "dropped" };

/**
 * Returns the steps in the order of time. The clocks of subscribers and Postgres differ, so a failure stays behind its
 * replay.
 * @param {LetterHistory} history
 * @returns {Step[]}
 */
export function stepsOf({ letters, edits, more }) {
  /** The time of each letter's last step. @type {Map<DeadLetter["number"], string>} */
  const ends = new Map();
  const keyed = letters.flatMap((letter, n) => {
    let last = ends.get(letter.previous) ?? "";
    const steps = stepsOfLetter(letter, edits, n === 0 && !more).map((step) => {
      last = step.at !== null && step.at > last ? step.at : last;
      return { step, key: last };
    });
    ends.set(letter.number, last);
    return steps;
  });
  // One event is stored, however often it failed.
  const { stored_at: at = null, stored_by: by = null, number = null } =
    letters.findLast(({ stored_at }) => stored_at !== null) ?? {};
  if (at !== null) keyed.push({ step: { what: "stored", at, by, letter: number, words: [] }, key: at });
  return keyed.toSorted((one, other) => one.key < other.key ? -1 : Number(one.key > other.key)).map(({ step }) => step);
}

/**
 * @param {DeadLetter} letter
 * @param {LetterHistory["edits"]} edits
 * @param {boolean} isFirst
 * @returns {Step[]}
 */
function stepsOfLetter(letter, edits, isFirst) {
  const { number, reason, detail, subscriber, last_failed_at, status, acted_by, acted_at, event } = letter;
  let before = event;
  const failure = {
    ...{ at: last_failed_at, by: subscriber ?? "the broker", letter: number },
    what: isFirst ? /** @type {const} */ ("failed") : /** @type {const} */ ("failed again"),
    words: [`${reason}: ${detail || "no detail"}`],
  };
  /** @type {Step[]} */
  const rest = [
    ...edits.filter(({ letter }) => letter === number).map(({ at, by, event }) => {
      const words = changesOf(before, event);
      before = event;
      return { what: /** @type {const} */ ("edited"), at, by, letter: number, words };
    }),
    ...(acted_at === null ? [] : [{ what: acts[status], at: acted_at, by: acted_by, letter: number, words: [] }]),
  ];
  // Postgres's clock tells both. A letter can be edited after it was restored.
  return [failure, ...rest.toSorted((one, other) => String(one.at) < String(other.at) ? -1 : 1)];
}

/**
 * Returns a line for each changed field.
 * @param {EventJson | null} before
 * @param {EventJson} after
 */
export function changesOf(before, after) {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after)]);
  const changes = Array.from(names).filter((name) => shown(before?.[name]) !== shown(after[name]));
  if (changes.length === 0) return ["no field changed"];
  return changes.map((name) => `${name}: ${shown(before?.[name])} → ${shown(after[name])}`);
}

/**
 * @param {readonly Step[]} steps
 * @example `2 failures · 1 edit · 1 replay`
 */
export function countsOf(steps) {
  const of = (/** @type {Step["what"][]} */ ...whats) => steps.filter(({ what }) => whats.includes(what)).length;
  return [
    [of("failed", "failed again"), "failure"],
    [of("edited"), "edit"],
    [of("replayed"), "replay"],
  ].filter(([number]) => number !== 0).map(([number, thing]) => `${number} ${thing}${number === 1 ? "" : "s"}`).join(
    " · ",
  );
}
