/** Polls the subscriber's overview, once a second, and never gives up. */

/** @typedef {import("./answers.ts").Overview} Overview */

const [intervalMs, hiddenIntervalMs, deadlineMs, longestPauseMs] = [1_000, 10_000, 3_000, 5_000];

/**
 * @param {object} listener
 * @param {(overview: Overview) => void} listener.onAnswer
 * @param {(reason: string, nextTryAt: number) => void} listener.onLost `nextTryAt` in ms since 1970
 * @param {() => void} listener.onClosed called when the user has to sign in
 * @returns {() => void} a function that polls at once
 */
export function pollOverview({ onAnswer, onLost, onClosed }) {
  let failures = 0;
  let asking = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function ask() {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    const begun = performance.now();
    let pauseMs;
    try {
      const answer = await fetchOverview();
      if (answer) onAnswer(answer);
      else onClosed();
      failures = 0;
      const wait = document.hidden ? hiddenIntervalMs : intervalMs;
      pauseMs = Math.max(wait / 5, wait - (performance.now() - begun));
    } catch (error) {
      pauseMs = Math.min(longestPauseMs, intervalMs * 2 ** failures++);
      onLost(describeFailure(error), Date.now() + pauseMs);
    }
    asking = false;
    timer = setTimeout(ask, pauseMs);
  }

  // Poll at once when the page becomes visible again, or the network returns.
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  addEventListener("online", ask);
  ask();
  return ask;
}

/** @returns {Promise<Overview | undefined>} `undefined` when the user has to sign in */
async function fetchOverview() {
  const response = await fetch("/overview", { cache: "no-store", signal: AbortSignal.timeout(deadlineMs) });
  if (response.status === 401) return undefined;
  if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
  return await response.json();
}

/** @param {unknown} error */
function describeFailure(error) {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return `timed out after ${deadlineMs / 1_000} s`;
  // Browsers say "Failed to fetch" for every failure below HTTP.
  return error instanceof TypeError ? "unreachable" : error.message;
}
