/** Which span the charts show: 24 hours, or the last minutes live. */
import { byId } from "../dom.js";
import { Day } from "./day.js";

/** The system writes its history once a minute. */
const everyMs = 60_000;

export class Span {
  /** @type {Day | undefined} */
  #day;
  /** The user's choice. Until there is one, the day is shown if it shows more. @type {"day" | "live" | undefined} */
  #chosen;
  #asking = false;
  #askedAt = -Infinity;
  #onChange;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    for (const name of /** @type {const} */ (["day", "live"])) {
      byId(`span-${name}`).addEventListener("click", () => {
        this.#chosen = name;
        this.#show();
      });
    }
  }

  /** @returns {Day | undefined} `undefined` while the charts are live */
  get day() {
    const wanted = this.#chosen ?? (this.#day?.isWorthALook ? "day" : "live");
    return wanted === "day" ? this.#day : undefined;
  }

  /** Asks for the history when it is due. */
  async tick() {
    if (this.#asking || document.hidden || performance.now() - this.#askedAt < everyMs) return;
    this.#asking = true;
    this.#askedAt = performance.now();
    try {
      const response = await fetch("/history?hours=48", { signal: AbortSignal.timeout(10_000) });
      if (response.ok) this.#day = new Day(await response.json());
    } catch {
      // The headline names the server that does not answer; the next minute asks again.
    }
    this.#asking = false;
    this.#show();
  }

  #show() {
    const shown = this.day ? "day" : "live";
    for (const name of ["day", "live"]) byId(`span-${name}`).setAttribute("aria-pressed", String(name === shown));
    byId("span-key").hidden = shown !== "day";
    this.#onChange();
  }
}
