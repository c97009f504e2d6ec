/** The subscriber's dead letters, as whoever is signed in. */

/** @typedef {import("../answers.ts").Done} Done */
/** @typedef {import("../answers.ts").DeadLetterList} DeadLetterList */

const [listLimit, listDeadlineMs, actDeadlineMs] = [100, 15_000, 120_000];

/** What the subscriber, or the way to it, has against a request. */
export class Refusal extends Error {
  /**
   * @param {number} status of HTTP; 0 when there was no answer
   * @param {string} sentence
   */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/**
 * @param {string} reason all reasons when empty
 * @returns {Promise<DeadLetterList>}
 */
export function listDeadLetters(reason) {
  return ask("GET", `?${new URLSearchParams({ limit: String(listLimit), ...(reason && { reason }) })}`, listDeadlineMs);
}

/**
 * @param {string} id
 * @returns {Promise<Done>}
 */
export function replayOne(id) {
  return ask("POST", `/${encodeURIComponent(id)}/replay`, actDeadlineMs);
}

/**
 * @param {string} id
 * @returns {Promise<Done>}
 */
export function dropOne(id) {
  return ask("DELETE", `/${encodeURIComponent(id)}`, actDeadlineMs);
}

/**
 * @param {string} reason all reasons when empty
 * @returns {Promise<Done>}
 */
export function replayMany(reason) {
  return ask("POST", `/replay?${selection(reason)}`, actDeadlineMs);
}

/**
 * @param {string} reason all reasons when empty
 * @returns {Promise<Done>}
 */
export function dropMany(reason) {
  return ask("DELETE", `?${selection(reason)}`, actDeadlineMs);
}

/** @param {string} reason */
function selection(reason) {
  return new URLSearchParams(reason ? { reason } : { all: "true" });
}

/**
 * @param {string} method
 * @param {string} rest
 * @param {number} deadlineMs
 */
async function ask(method, rest, deadlineMs) {
  // The type is what no page of another origin may send unasked.
  const headers = new Headers({ accept: "application/json", "content-type": "application/json" });
  const signal = AbortSignal.timeout(deadlineMs);
  let response;
  try {
    response = await fetch(`/dead-letters${rest}`, { method, headers, cache: "no-store", signal });
  } catch {
    throw new Refusal(
      0,
      signal.aborted ? `No answer within ${deadlineMs / 1_000} s.` : "The subscriber cannot be reached.",
    );
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new Refusal(response.status, body.detail ?? `The subscriber answers ${response.status}.`);
}
