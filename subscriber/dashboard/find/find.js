/** Finds an event: the search field, and the dialog with the answer, which rows of the page open too. */
import { byId, element, setTextOf } from "../dom.js";
import { dateTime } from "../format.js";

/** @typedef {import("../find_answer.ts").FindAnswer} FindAnswer */
/** @typedef {import("../find_answer.ts").FoundEvent} FoundEvent */

/** Longer than the subscriber's own deadline, because the subscriber's error says more. */
const deadlineMs = 8_000;

/** @type {Record<FoundEvent["state"], string>} */
const tones = { stored: "good", resolved: "good", held: "", replayed: "", dead: "bad", dropped: "bad" };
/** @type {Record<FindAnswer["looked"][number]["place"], string>} */
const places = {
  events: "Stored events",
  subscribers: "Subscribers",
  dead_letters: "Dead letters",
  queues: "Queues",
};

export class Finder {
  /** @type {HTMLDialogElement} */
  #dialog = byId("found");
  /** Number of the newest request. Answers to earlier requests are ignored. */
  #asked = 0;

  constructor() {
    /** @type {HTMLInputElement} */
    const field = byId("find");
    byId("find-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const query = queryOf(field.value);
      if (query) this.#ask(field.value.trim(), query);
      else field.focus();
    });
    byId("found-close").addEventListener("click", () => this.#dialog.close());
    byId("events").addEventListener("click", ({ target }) => {
      const id = target instanceof Element && target.closest("button")?.closest("li")?.dataset["id"];
      if (id) this.find(id);
    });
  }

  /** @param {string} id of a message */
  find(id) {
    this.#ask(id, new URLSearchParams({ id }));
  }

  /**
   * @param {string} words
   * @param {URLSearchParams} query
   */
  async #ask(words, query) {
    const asked = ++this.#asked;
    setTextOf("found-title", `Where is ${words}?`);
    setTextOf("found-verdict", "Searching…");
    byId("found-events").replaceChildren();
    byId("found-looked").replaceChildren();
    if (!this.#dialog.open) this.#dialog.showModal();
    try {
      const answer = await fetchAnswer(query);
      if (asked === this.#asked) draw(answer);
    } catch (error) {
      if (asked === this.#asked) setTextOf("found-verdict", error instanceof Error ? error.message : String(error));
    }
  }
}

/**
 * An id, or a player and a time: `11 @ 2022-02-02T12:34`.
 * @param {string} text
 */
export function queryOf(text) {
  const [, player, at] = /^(-?\d{1,19})\s*@\s*(.+)$/.exec(text.trim()) ?? [];
  if (player && at) return new URLSearchParams({ player_id: player, at: at.trim() });
  return text.trim() === "" ? undefined : new URLSearchParams({ id: text.trim() });
}

/**
 * @param {URLSearchParams} query
 * @returns {Promise<FindAnswer>}
 */
async function fetchAnswer(query) {
  const signal = AbortSignal.timeout(deadlineMs);
  let response;
  try {
    response = await fetch(`/find?${query}`, { headers: { accept: "application/json" }, cache: "no-store", signal });
  } catch {
    const why = signal.aborted ? `No answer within ${deadlineMs / 1_000} s.` : "The subscriber is unreachable.";
    throw new Error(why);
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? `The subscriber answered with HTTP ${response.status}.`);
  return body;
}

/** @param {FindAnswer} answer */
function draw({ events, more, verdict, looked }) {
  setTextOf("found-verdict", more ? `${verdict} More events match.` : verdict);
  byId("found-events").replaceChildren(...events.map(eventItem));
  byId("found-looked").replaceChildren(...looked.flatMap(({ place, outcome, complete }) => [
    element("dt", {}, places[place] ?? place),
    element("dd", complete ? {} : { class: "unsure" }, outcome),
  ]));
}

/** @param {FoundEvent} found */
function eventItem({ message_id, sent_id, state, event, stations }) {
  return element(
    "li",
    {},
    element("h3", {}, element("span", { class: "tag", "data-tone": tones[state] ?? "" }, state), ` ${message_id}`),
    ...(sent_id === null ? [] : [element("p", { class: "note" }, `Sent as ${sent_id}`)]),
    element("ol", { class: "stations" }, ...stations.map(stationItem)),
    ...(event
      ? [element("pre", {}, JSON.stringify(event, null, 1).replace(/^\{\n|\n\}$/g, "").replaceAll(/^ /gm, ""))]
      : []),
  );
}

/** @param {FoundEvent["stations"][number]} station */
function stationItem({ station, at, by, detail }) {
  return element(
    "li",
    {},
    element("strong", {}, station),
    at === null ? element("span", {}, "time unknown") : element("time", { datetime: at, title: at }, dateTime(at)),
    element("span", { class: "detail" }, by === null ? detail : `by ${by}: ${detail}`),
  );
}
