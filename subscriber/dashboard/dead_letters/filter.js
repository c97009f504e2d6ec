/** The form that filters the dead letters, as query parameters and as text. */
import { byId, element, setTextOf } from "../dom.js";

/** @typedef {import("./answers.ts").LetterStatus} LetterStatus */

export class LetterFilter {
  /** @type {HTMLInputElement} */
  #text = byId("letters-text");
  /** @type {HTMLSelectElement} */
  #reason = byId("letters-reason");
  /** @type {HTMLSelectElement} */
  #state = byId("letters-state");
  /** @type {HTMLInputElement} */
  #player = byId("letters-player");
  /** @type {Set<string>} */
  #reasons = new Set();
  #applied = "";

  /** @param {() => void} onChange */
  constructor(onChange) {
    const apply = () => {
      const now = String(this.query);
      if (now === this.#applied) return;
      this.#applied = now;
      setTextOf("letters-filter-words", this.words && ` – ${this.words}`);
      onChange();
    };
    const form = byId("letters-form");
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      apply();
    });
    // The event fires before the form is reset.
    form.addEventListener("reset", () => setTimeout(apply));
    this.offer([]);
  }

  /** @returns {LetterStatus} */
  get status() {
    return /** @type {LetterStatus} */ (this.#state.value || "dead");
  }

  /** The filter as the subscriber's query parameters; empty for all letters with status dead. */
  get query() {
    const [text, player] = [this.#text.value.trim(), this.#player.value.trim()];
    return new URLSearchParams({
      ...(text && { text }),
      ...(this.#reason.value && { reason: this.#reason.value }),
      ...(this.status !== "dead" && { status: this.status }),
      ...(player && { player_id: player.replace(/^#/, "") }),
    });
  }

  /** @example `reason invalid, player 11` */
  get words() {
    return Array.from(this.query, ([name, value]) => `${name === "player_id" ? "player" : name} ${value}`).join(", ");
  }

  /** Adds reasons to the choices. @param {readonly string[]} reasons */
  offer(reasons) {
    if (this.#reason.options.length > 0 && reasons.every((reason) => this.#reasons.has(reason))) return;
    for (const reason of reasons) this.#reasons.add(reason);
    const chosen = this.#reason.value;
    this.#reason.replaceChildren(
      element("option", { value: "" }, "all"),
      ...Array.from(this.#reasons).sort().map((reason) => element("option", { value: reason }, reason)),
    );
    this.#reason.value = chosen;
  }
}
