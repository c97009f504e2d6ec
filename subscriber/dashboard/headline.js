/** The page's first line: all is well, the problems, or a lost connection. */
import { byId, element, setText, setTextOf } from "./dom.js";
import { clock, dateTime, duration, plural } from "./format.js";

/** @typedef {import("./answers.ts").Overview} Overview */

/** A screen reader announces a new state at once, and a new text for the same state at most this often. */
const quietMs = 15_000;
const dayMs = 86_400_000;

export class Headline {
  /** @type {Overview | undefined} */
  #overview;
  /** @type {{ reason: string, nextTryAt: number, since: number } | undefined} */
  #loss;
  #state = "waiting";
  #announcedAt = -Infinity;

  /** @param {Overview} overview */
  answered(overview) {
    this.#overview = overview;
    this.#loss = undefined;
    this.#enter(overview.standing.state);
  }

  /**
   * @param {string} reason
   * @param {number} nextTryAt
   */
  lost(reason, nextTryAt) {
    this.#loss = { reason, nextTryAt, since: this.#loss?.since ?? Date.now() };
    this.#enter("lost");
  }

  draw() {
    const { title, note, problems } = this.#words();
    byId("headline").dataset["state"] = this.#state;
    setTextOf("headline-title", title);
    setTextOf("headline-note", note);
    drawProblems(problems);
    this.#announce([title, ...problems].join(" "));
    if (this.#overview) drawBar(this.#overview);
  }

  #words() {
    const overview = this.#overview;
    if (this.#loss) {
      const { reason, nextTryAt, since } = this.#loss;
      const wait = Math.max(0, Math.ceil((nextTryAt - Date.now()) / 1_000));
      const figures = overview ? ` The figures are from ${clock(overview.at)} UTC.` : "";
      return {
        title: "Connection lost, retrying",
        note: `No answer from ${location.host} for ${duration(Math.max(1_000, Date.now() - since))}: ${reason}. ` +
          `Next attempt ${wait > 0 ? `in ${wait} s` : "now"}.${figures}`,
        problems: [],
      };
    }
    if (!overview) return { title: "Loading…", note: "Waiting for the subscriber’s first answer.", problems: [] };
    return wordsOf(overview);
  }

  /** @param {string} state */
  #enter(state) {
    if (state !== this.#state) {
      this.#state = state;
      this.#announcedAt = -Infinity;
    }
    // Do not wait for the next frame: a tab in the background draws none, and shows only its title.
    const title = `${state === "well" ? "✓" : "⚠"} ${this.#words().title} · Casino events`;
    if (document.title !== title) document.title = title;
  }

  /** @param {string} words */
  #announce(words) {
    const now = performance.now();
    if (now - this.#announcedAt < quietMs || byId("announcement").textContent === words) return;
    this.#announcedAt = now;
    setTextOf("announcement", words);
  }
}

/** @param {Overview} overview */
function wordsOf({ problems, standing, dead_letters_untended, at }) {
  const letters = dead_letters_untended ? plural(dead_letters_untended, "dead letter") : "";
  const since = sinceOf(standing, at);
  if (standing.state === "well") return { title: "All is well", note: since, problems };
  if (standing.state === "letters") {
    return { title: `${letters} to review`, note: `${since} No other problems.`, problems };
  }
  return {
    title: plural(problems.length, "problem"),
    note: letters ? `${since} ${letters} to review.` : since,
    problems,
  };
}

/**
 * By the subscriber's clock, not by the browser's.
 * @param {import("./answers.ts").StandingAnswer} standing
 * @param {string} at
 */
function sinceOf({ since, at_least }, at) {
  const isOld = Date.parse(at) - Date.parse(since) >= dayMs;
  const time = isOld ? dateTime(since) : `${clock(since)} UTC`;
  return at_least ? `Since ${time} or earlier: this subscriber started then.` : `Since ${time}.`;
}

/** @param {readonly string[]} problems */
function drawProblems(problems) {
  const list = byId("headline-problems");
  list.hidden = problems.length === 0;
  while (list.children.length > problems.length) list.lastElementChild?.remove();
  problems.forEach((problem, n) => {
    const item = list.children[n];
    if (item) setText(item, problem);
    else list.append(element("li", {}, problem));
  });
}

/** @param {Overview} overview */
function drawBar({ subscriber_id, version, uptime_ms, at, mode }) {
  setTextOf("who", `${subscriber_id} ${version}${mode === "embedded" ? ", embedded" : ""}`);
  setTextOf("uptime", `up ${duration(Math.max(1_000, uptime_ms))}`);
  setTextOf("clock", dateTime(at));
}
