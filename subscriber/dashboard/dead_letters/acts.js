/** Acts on many letters: counts them, asks the user, and orders a job. The demo has no jobs and acts at once. */
import { actOnMany, orderJob, previewJob, Refusal } from "./api.js";
import { confirm } from "./confirm.js";
import { describeDone, questionOfMany } from "./words.js";

/** @typedef {import("./answers.ts").ManyAct} ManyAct */

/**
 * @param {ManyAct} act
 * @param {URLSearchParams} filter
 * @param {string} words the filter in words
 * @returns {Promise<{ said: string, job?: import("./answers.ts").Job } | undefined>} `undefined` when the user declines
 * @throws {Refusal}
 */
export async function actOnFilter(act, filter, words) {
  const total = await countOf(act, filter);
  if (total === 0) return { said: act === "undo" ? "Nothing to undo." : `Nothing to ${act}.` };
  if (await confirm(questionOfMany(act, total, words)) === undefined) return undefined;
  if (total === undefined) return { said: describeDone(await actOnMany(act, filter)) };
  return { said: "", job: await orderJob(act, filter) };
}

/**
 * @param {ManyAct} act
 * @param {URLSearchParams} filter
 * @returns {Promise<number | undefined>} `undefined` when this subscriber has no jobs
 */
async function countOf(act, filter) {
  try {
    return (await previewJob(act, filter)).total;
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return undefined;
    throw error;
  }
}
