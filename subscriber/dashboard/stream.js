/** The sentences of the events, newest on top. The user can pause and filter them; the list holds at most 200. */
import { byId, element, setText } from "./dom.js";
import { EventFeed } from "./feed.js";
import { clock, count, plural } from "./format.js";

/** @typedef {import("./answers.ts").StoredEvent} StoredEvent */

const [mostShown, drawEveryMs, typingMs] = [200, 250, 300];
const calmly = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {NodeListOf<HTMLInputElement>} */
const boxes = document.querySelectorAll("#event-filters input[name=type]");
const labels = new Map(Array.from(boxes, (box) => [box.value, box.dataset["label"]]));

export class EventStream {
  #list = byId("events");
  #status = byId("events-status");
  /** @type {HTMLInputElement} */
  #player = byId("player-filter");
  #feed = new EventFeed({
    onEvent: (event) => this.#take(event),
    onRecent: (events) => this.#addRecent(events),
    onSampled: (sampled) => this.#countSampled(sampled),
    onProblem: (problem) => {
      this.#problem = problem;
      this.#drawStatus();
    },
  });
  /** @type {string | undefined} */
  #problem;
  /** Newest last. @type {StoredEvent[]} */
  #pending = [];
  /** Ids of the listed events. @type {Set<string>} */
  #listed = new Set();
  #paused = false;
  #heldBack = 0;
  /** Samples of the last second. @type {(import("./answers.ts").Sampled & { at: number })[]} */
  #samples = [];
  #skippedInAll = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #drawing;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;

  constructor() {
    byId("event-filters").addEventListener("change", () => this.#refilter());
    byId("event-filters").addEventListener("submit", (event) => event.preventDefault());
    this.#player.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#refilter(), typingMs);
    });
    byId("pause").addEventListener("click", () => this.#togglePause());
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
  }

  /** Starts or resumes the stream. May be called at any time. */
  start() {
    this.#drawStatus();
    const query = this.#query();
    if (document.hidden) return;
    if (query === undefined) this.stop();
    else this.#feed.open(query);
  }

  /** @param {string} [why] shown until the stream starts again */
  stop(why) {
    this.#feed.close();
    this.#problem = why;
    this.#drawStatus();
  }

  /** @param {string} id */
  showPlayer(id) {
    this.#player.value = id;
    this.#refilter();
    this.#player.focus();
  }

  /** @returns {string | undefined} `undefined` when no event can match the filters */
  #query() {
    const types = Array.from(boxes).filter(({ checked }) => checked).map(({ value }) => value);
    const player = this.#player.value.trim();
    const valid = /^-?\d{0,19}$/.test(player);
    this.#player.setAttribute("aria-invalid", String(!valid));
    if (!valid || types.length === 0) return undefined;
    const query = new URLSearchParams();
    if (types.length < boxes.length) query.set("type", types.join(","));
    if (player) query.set("player_id", player);
    return String(query).replaceAll("%2C", ",");
  }

  #refilter() {
    this.stop();
    this.#pending = [];
    this.#heldBack = 0;
    this.#samples = [];
    this.#listed.clear();
    this.#list.replaceChildren();
    this.start();
    this.#drawStatus();
  }

  #togglePause() {
    this.#paused = !this.#paused;
    byId("pause").setAttribute("aria-pressed", String(this.#paused));
    this.#heldBack = 0;
    if (!this.#paused) this.#draw();
    this.#drawStatus();
  }

  /** @param {StoredEvent} event */
  #take(event) {
    this.#pending.push(event);
    if (this.#pending.length > mostShown) this.#pending.shift();
    if (this.#paused) this.#heldBack++;
    this.#drawing ||= setTimeout(() => {
      this.#drawing = undefined;
      requestAnimationFrame(() => this.#paused ? this.#drawStatus() : this.#draw());
    }, calmly.matches ? 4 * drawEveryMs : drawEveryMs);
  }

  /** @param {StoredEvent[]} events */
  #addRecent(events) {
    this.#draw();
    this.#list.append(...events.filter((event) => this.#isNew(event)).map(line));
    this.#trim();
    this.#drawStatus();
  }

  #draw() {
    const lines = this.#pending.filter((event) => this.#isNew(event)).map(line).reverse();
    this.#pending = [];
    this.#list.prepend(...lines);
    this.#trim();
    this.#drawStatus();
  }

  /** @param {StoredEvent} event */
  #isNew({ message_id }) {
    if (this.#listed.has(message_id)) return false;
    this.#listed.add(message_id);
    return true;
  }

  #trim() {
    while (this.#list.children.length > mostShown) {
      const last = /** @type {HTMLElement} */ (this.#list.lastElementChild);
      this.#listed.delete(last.dataset["id"] ?? "");
      last.remove();
    }
  }

  /** @param {import("./answers.ts").Sampled} sampled */
  #countSampled(sampled) {
    this.#samples.push({ ...sampled, at: performance.now() });
    this.#skippedInAll += sampled.skipped;
    this.#drawStatus();
  }

  #drawStatus() {
    const second = performance.now() - 1_000;
    this.#samples = this.#samples.filter(({ at }) => at > second);
    setText(this.#status, this.#describe());
  }

  #describe() {
    if (this.#player.getAttribute("aria-invalid") === "true") return "The player must be a whole number.";
    if (this.#query() === undefined) return "Select at least one event type.";
    if (this.#problem) return this.#problem;
    if (this.#paused) return `Paused: ${plural(this.#heldBack, "new event")}.`;
    const shown = this.#samples.reduce((sum, sample) => sum + sample.shown, 0);
    const skipped = this.#samples.reduce((sum, sample) => sum + sample.skipped, 0);
    if (skipped > 0) {
      return `Sample: ${count(shown)} of this subscriber’s ${count(shown + skipped)} events in the last second; ` +
        `${count(this.#skippedInAll)} skipped in total.`;
    }
    const left = this.#skippedInAll > 0 ? ` ${count(this.#skippedInAll)} skipped earlier.` : "";
    return this.#listed.size === 0 ? "No events yet." : `All events that this subscriber stores.${left}`;
  }
}

/** @param {StoredEvent} event */
function line({ message_id, sent_id, type, created_at, description }) {
  return element(
    "li",
    { "data-id": message_id },
    element(
      "button",
      { type: "button", class: "link", "aria-label": `Find the event of ${clock(created_at)}` },
      element("time", { datetime: created_at }, clock(created_at)),
    ),
    element("span", { class: "tag", "data-type": type }, labels.get(type) ?? type),
    element("span", sent_id === undefined ? {} : { title: `Sent as ${sent_id}` }, description),
  );
}
