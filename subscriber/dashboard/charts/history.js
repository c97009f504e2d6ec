/** The newest samples of a few figures, for the charts, in memory of a fixed size. */

export class History {
  #capacity;
  #times;
  /** @type {Map<string, Float64Array>} */
  #columns;
  #written = 0;
  #firstMs = NaN;

  /**
   * @param {number} capacity samples that are kept
   * @param {readonly string[]} names
   */
  constructor(capacity, names) {
    this.#capacity = capacity;
    this.#times = new Float64Array(capacity);
    this.#columns = new Map(names.map((name) => [name, new Float64Array(capacity)]));
  }

  /**
   * Adds a sample. Ignores one that is not newer than the last.
   * @param {number} timeMs since 1970
   * @param {Record<string, number | null | undefined>} values an unknown value leaves a gap
   */
  push(timeMs, values) {
    if (this.#written > 0 && timeMs <= (this.#times[(this.#written - 1) % this.#capacity] ?? 0)) return;
    if (this.#written === 0) this.#firstMs = timeMs;
    const at = this.#written++ % this.#capacity;
    this.#times[at] = timeMs;
    for (const [name, column] of this.#columns) column[at] = values[name] ?? NaN;
  }

  /** When the very first sample was taken. */
  get firstMs() {
    return this.#firstMs;
  }

  /**
   * Columns for uPlot: seconds since 1970, then an array for each name, with null for unknown values.
   * @param {number} sinceMs
   * @param {readonly string[]} names
   * @returns {[number[], ...(number | null)[][]]}
   */
  since(sinceMs, names) {
    const first = Math.max(0, this.#written - this.#capacity);
    /** @type {number[]} */
    const places = [];
    for (let n = first; n < this.#written; n++) {
      const at = n % this.#capacity;
      if ((this.#times[at] ?? 0) >= sinceMs) places.push(at);
    }
    const columns = names.map((name) => {
      const column = this.#columns.get(name);
      if (!column) throw new Error(`the history has no ${name}`);
      return places.map((at) => Number.isNaN(column[at]) ? null : column[at] ?? null);
    });
    return [places.map((at) => (this.#times[at] ?? 0) / 1_000), ...columns];
  }
}
