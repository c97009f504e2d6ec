/** What the page says about dead letters. */
import { count, plural } from "../format.js";

/** @typedef {import("../answers.ts").DeadLetter} DeadLetter */

/** What is asked before each action. */
export const questions = {
  replay: (/** @type {DeadLetter} */ { reason, detail }) => ({
    title: "Replay this event?",
    text:
      `It failed with ${reason}: ${detail}. Published again under its own id, it is stored if that is right by now.`,
    yes: "Replay",
  }),
  drop: (/** @type {DeadLetter} */ { message_id }) => ({
    title: "Drop this event?",
    text: `The event ${message_id} leaves the dead letters, and is never stored.`,
    yes: "Drop",
    danger: true,
  }),
  replayAll: (/** @type {string} */ reason) => ({
    title: "Replay them all?",
    text: `${allOf(reason)} are published again under their own ids.`,
    yes: "Replay all",
  }),
  dropAll: (/** @type {string} */ reason) => ({
    title: "Drop them all?",
    text: `${allOf(reason)} leave the dead letters, and are never stored.`,
    yes: "Drop all",
    danger: true,
  }),
};

/** @param {import("../answers.ts").Done} done */
export function describeDone(done) {
  if ("dropped" in done) return `${count(done.dropped)} dropped.`;
  const { replayed, refused, failed } = done;
  const parts = [`${count(replayed)} replayed`];
  if (refused > 0) parts.push(`${count(refused)} refused, replayed too often already (deno task dead replay --force)`);
  if (failed > 0) parts.push(`${count(failed)} failed and stay here`);
  return `${parts.join("; ")}.`;
}

/**
 * @param {number} total of every reason
 * @param {number} shown
 * @param {string} reason of all that are listed; empty when they are of any
 */
export function describeList(total, shown, reason) {
  const of = ` with the reason ${reason}`;
  if (shown === total) return shown === 0 ? "No dead letters." : `${plural(shown, "dead letter")}.`;
  const all = plural(total, "dead letter");
  if (!reason) return `The oldest ${count(shown)} of ${all}.`;
  return shown === 0 ? `None${of}, of ${all} in all.` : `${count(shown)}${of}, of ${all} in all.`;
}

/** @param {number | null} waiting in their queue, where no keeper has taken them yet */
export function describeWaiting(waiting) {
  return waiting ? `${count(waiting)} more on their way here, from the dead letter queue.` : "";
}

/** @param {Record<string, number>} byReason */
export function describeReasons(byReason) {
  const parts = Object.entries(byReason).filter(([, number]) => number > 0)
    .map(([reason, number]) => `${count(number)} ${reason}`);
  return parts.length === 0 ? "" : `From this subscriber since its start: ${parts.join(", ")}.`;
}

/** @param {string} reason */
function allOf(reason) {
  return reason ? `All dead letters with the reason ${reason}` : "All dead letters, whatever their reason,";
}
