/** The page's sentences about dead letters. */
import { count, plural } from "../format.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */
/** @typedef {import("./answers.ts").ManyAct} ManyAct */
/** @typedef {import("./confirm.js").Question} Question */

/** The question before an act on one letter. @type {Record<ManyAct, (letter: DeadLetter) => Question>} */
export const questions = {
  replay: ({ reason, detail, edited }) => ({
    title: "Replay this event?",
    text: `It failed with ${reason}: ${detail}. Fix the cause first. A replay publishes ${
      edited ? "the edited event" : "the event"
    } again under the same id.`,
    yes: "Replay",
  }),
  drop: ({ message_id }) => ({
    title: "Drop this event?",
    text: `The event ${message_id} leaves the dead letters and is not stored. Undo restores it.`,
    yes: "Drop",
    danger: true,
  }),
  undo: ({ message_id }) => ({
    title: "Undo this drop?",
    text: `The event ${message_id} becomes a dead letter again.`,
    yes: "Undo",
  }),
};

/** @type {Record<ManyAct, { title: string, then: string, yes: string, danger?: boolean }>} */
const many = {
  replay: { title: "Replay", then: "Each event is published again under the same id.", yes: "Replay all" },
  drop: {
    title: "Drop",
    then: "They leave the dead letters and are not stored. Undo restores them.",
    yes: "Drop all",
    danger: true,
  },
  undo: { title: "Restore", then: "They become dead letters again.", yes: "Undo all" },
};

/**
 * @param {ManyAct} act
 * @param {number | undefined} total how many letters the subscriber counted
 * @param {string} words the filter in words; empty for all letters
 * @returns {Question}
 */
export function questionOfMany(act, total, words) {
  const { title, then, yes, danger = false } = many[act];
  const letters = total === undefined
    ? "these letters"
    : plural(total, act === "undo" ? "dropped letter" : "dead letter");
  return {
    title: `${title} ${letters}?`,
    text: `${words ? `Filter: ${words}.` : "No filter: all causes."} ${then}`,
    yes,
    danger,
  };
}

/** @param {import("./answers.ts").Done} done */
export function describeDone(done) {
  if ("dropped" in done) return `${count(done.dropped)} dropped.`;
  if ("restored" in done) return `${count(done.restored)} restored.`;
  const { replayed, refused, failed, problem } = done;
  const parts = [`${count(replayed)} replayed`];
  if (refused > 0) {
    parts.push(`${count(refused)} refused: replayed too often (force with deno task dead replay --force)`);
  }
  if (failed > 0) parts.push(`${count(failed)} failed, still dead letters`);
  return `${parts.join("; ")}${problem ? `: ${problem}` : ""}.`;
}

/**
 * @param {object} listed
 * @param {import("./answers.ts").LetterStatus} listed.status
 * @param {number} listed.total letters with status dead, whether they match or not
 * @param {number} listed.matching
 * @param {number} listed.causes
 * @param {boolean} listed.filtered
 */
export function describeList({ status, total, matching, causes, filtered }) {
  const of = causes > 1 ? `, ${causes} causes` : "";
  if (status !== "dead") return `${count(matching)} ${status}${of}.`;
  if (filtered) return `${count(matching)} of ${plural(total, "dead letter")}${of}.`;
  return matching === 0 ? "No dead letters." : `${plural(matching, "dead letter")}${of}.`;
}

/** @param {number | null} waiting letters in the dead letter queue, which no keeper has moved yet */
export function describeWaiting(waiting) {
  return waiting ? `${count(waiting)} more in the dead letter queue, not in this list yet.` : "";
}
