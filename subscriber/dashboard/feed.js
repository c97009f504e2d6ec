/** Streams events as they are stored, and fetches the recent ones from before. */

/** @typedef {import("./answers.ts").StoredEvent} StoredEvent */
/** @typedef {import("./answers.ts").Sampled} Sampled */

const [recentLimit, recentDeadlineMs, refusedPauseMs] = [50, 5_000, 5_000];

export class EventFeed {
  #listener;
  /** @type {EventSource | undefined} */
  #source;
  #query = "";
  #notBefore = 0;

  /**
   * @param {object} listener
   * @param {(event: StoredEvent) => void} listener.onEvent
   * @param {(events: StoredEvent[]) => void} listener.onRecent events from before the stream, newest first
   * @param {(sampled: Sampled) => void} listener.onSampled after each push of events
   * @param {(problem: string | undefined) => void} listener.onProblem
   */
  constructor(listener) {
    this.#listener = listener;
  }

  /**
   * Does nothing while the same query is open. Repeated calls also retry a stream that was refused.
   * @param {string} query such as `type=bet&player_id=11`
   */
  open(query) {
    if (this.#source && query === this.#query && this.#source.readyState !== EventSource.CLOSED) return;
    if (query === this.#query && performance.now() < this.#notBefore) return;
    this.close();
    this.#query = query;
    const { onEvent, onSampled, onProblem } = this.#listener;
    const source = new EventSource(`/events?${query}`);
    source.addEventListener("open", () => {
      onProblem(undefined);
      this.#fetchRecent(source);
    });
    source.addEventListener("event", ({ data }) => onEvent(JSON.parse(data)));
    source.addEventListener("sampled", ({ data }) => onSampled(JSON.parse(data)));
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      this.#notBefore = performance.now() + refusedPauseMs;
      onProblem("The subscriber refused the event stream; retrying.");
    });
    this.#source = source;
  }

  close() {
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {EventSource} source */
  async #fetchRecent(source) {
    const query = `limit=${recentLimit}${this.#query ? `&${this.#query}` : ""}`;
    try {
      const response = await fetch(`/events?${query}`, {
        headers: { accept: "application/json" },
        cache: "no-store",
        signal: AbortSignal.timeout(recentDeadlineMs),
      });
      const { events } = await response.json();
      if (response.ok && source === this.#source) this.#listener.onRecent(events);
    } catch {
      // Ignore the failure: the stream still delivers new events.
    }
  }
}
