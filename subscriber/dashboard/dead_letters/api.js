/** Requests about the subscriber's dead letters, on behalf of the signed-in user. */

/** @typedef {import("./answers.ts").Done} Done */
/** @typedef {import("./answers.ts").Job} Job */
/** @typedef {import("./answers.ts").Edit} Edit */

/** Letters in one page of the list. */
export const pageSize = 50;
const [lookDeadlineMs, actDeadlineMs] = [15_000, 120_000];

/** A request that the subscriber refused, or that did not reach it. */
export class Refusal extends Error {
  /**
   * @param {number} status the HTTP status; 0 when there was no answer
   * @param {string} sentence
   */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/**
 * Lists letters, newest first.
 * @param {URLSearchParams} filter
 * @param {{ limit?: number, after?: string | undefined }} [page]
 * @returns {Promise<import("./answers.ts").DeadLetterList>}
 */
export function listLetters(filter, { limit = pageSize, after } = {}) {
  return look("", { ...Object.fromEntries(filter), order: "newest", limit: String(limit), ...(after && { after }) });
}

/**
 * @param {URLSearchParams} filter
 * @returns {Promise<{ groups: import("./answers.ts").CauseGroup[] }>}
 */
export function listGroups(filter) {
  return look("/groups", filter);
}

/**
 * @param {string} id message id of a letter with status dead
 * @returns {Promise<import("./answers.ts").DeadLetter>}
 */
export function showLetter(id) {
  return look(`/${encodeURIComponent(id)}`, {});
}

/**
 * @param {string} id of a letter in any status
 * @returns {Promise<import("./answers.ts").LetterHistory>}
 */
export function showHistory(id) {
  return look(`/${encodeURIComponent(id)}/history`, {});
}

/**
 * @param {"replay" | "drop" | "undo"} act
 * @param {string} id
 * @returns {Promise<Done>}
 */
export function actOnOne(act, id) {
  const path = `/${encodeURIComponent(id)}`;
  return act === "drop" ? ask("DELETE", path, actDeadlineMs) : ask("POST", `${path}/${act}`, actDeadlineMs);
}

/**
 * Acts within the request, for a subscriber without jobs.
 * @param {"replay" | "drop" | "undo"} act
 * @param {URLSearchParams} filter
 * @returns {Promise<Done>}
 */
export function actOnMany(act, filter) {
  const query = selection(filter);
  return act === "drop" ? ask("DELETE", `?${query}`, actDeadlineMs) : ask("POST", `/${act}?${query}`, actDeadlineMs);
}

/** @returns {Promise<{ jobs: Job[] }>} newest first */
export function listJobs() {
  return look("/jobs", {});
}

/**
 * @param {string} id
 * @returns {Promise<Job>}
 */
export function showJob(id) {
  return look(`/jobs/${encodeURIComponent(id)}`, {});
}

/**
 * Returns how many letters a job would act on.
 * @param {"replay" | "drop" | "undo"} act
 * @param {URLSearchParams} filter
 * @returns {Promise<{ total: number }>}
 */
export function previewJob(act, filter) {
  return ask("POST", `/jobs?${selection(filter, { act, preview: "true" })}`, lookDeadlineMs);
}

/**
 * @param {"replay" | "drop" | "undo"} act
 * @param {URLSearchParams} filter
 * @returns {Promise<Job>}
 */
export function orderJob(act, filter) {
  return ask("POST", `/jobs?${selection(filter, { act })}`, lookDeadlineMs);
}

/**
 * @param {string} id
 * @param {"pause" | "resume" | "cancel" | "rate"} word
 * @param {{ rate?: string }} [query] letters a second
 * @returns {Promise<Job>}
 */
export function leadJob(id, word, query = {}) {
  return ask("POST", `/jobs/${encodeURIComponent(id)}/${word}?${new URLSearchParams(query)}`, lookDeadlineMs);
}

/**
 * @param {string} id
 * @param {string} json
 * @returns {Promise<{ edits: Edit[] }>}
 */
export function previewEdit(id, json) {
  return look("/edits", { id, json });
}

/**
 * @param {string} id
 * @param {string} json
 * @returns {Promise<{ edits: Edit[] }>}
 */
export function saveEdit(id, json) {
  return ask("POST", `/${encodeURIComponent(id)}/edit?${new URLSearchParams({ json })}`, actDeadlineMs);
}

/**
 * @param {string} group
 * @param {string} note
 */
export function takeGroup(group, note) {
  return ask("POST", `/groups/${encodeURIComponent(group)}/take?${new URLSearchParams({ note })}`, lookDeadlineMs);
}

/** @param {string} group */
export function leaveGroup(group) {
  return ask("DELETE", `/groups/${encodeURIComponent(group)}/take`, lookDeadlineMs);
}

/**
 * An act selects letters by a filter without the status, because each act implies one status.
 * @param {URLSearchParams} filter
 * @param {Record<string, string>} [more]
 */
function selection(filter, more = {}) {
  const query = new URLSearchParams(filter);
  query.delete("status");
  if (query.size === 0) query.set("all", "true");
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return query;
}

/**
 * @param {string} path
 * @param {URLSearchParams | Record<string, string>} query
 */
function look(path, query) {
  return ask("GET", `${path}?${new URLSearchParams(query)}`, lookDeadlineMs);
}

/**
 * @param {string} method
 * @param {string} rest
 * @param {number} deadlineMs
 */
async function ask(method, rest, deadlineMs) {
  // A page of another origin may not send this content type without a preflight request.
  const headers = new Headers({ accept: "application/json", "content-type": "application/json" });
  const signal = AbortSignal.timeout(deadlineMs);
  let response;
  try {
    response = await fetch(`/dead-letters${rest}`, { method, headers, cache: "no-store", signal });
  } catch {
    throw new Refusal(
      0,
      signal.aborted ? `No answer within ${deadlineMs / 1_000} s.` : "The subscriber is unreachable.",
    );
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new Refusal(response.status, sentence(body.detail) ?? `The subscriber answered with HTTP ${response.status}.`);
}

/** @param {unknown} detail */
function sentence(detail) {
  if (typeof detail !== "string" || detail === "") return undefined;
  return `${detail.charAt(0).toUpperCase()}${detail.slice(1)}${/[.!?]$/.test(detail) ? "" : "."}`;
}
