/** The last 24 hours for the charts, beside the 24 hours before. */

/** @typedef {import("../answers.ts").HistoryAnswer} HistoryAnswer */
/** @typedef {import("../answers.ts").HistoryPoint} HistoryPoint */

export const daySeconds = 86_400;

/** @type {Record<string, (point: HistoryPoint) => number | null>} */
const figures = {
  throughput: ({ stored, seconds }) => stored / seconds,
  queue: ({ ready }) => ready,
  oldest: ({ oldest_ms }) => oldest_ms,
  p50: ({ latency_ms }) => latency_ms?.p50 ?? null,
  p99: ({ latency_ms }) => latency_ms?.p99 ?? null,
};

export class Day {
  #step;
  /** The end of the newest step, seconds since 1970. */
  #end;
  /** @type {Map<number, HistoryPoint>} */
  #points;
  #firstAt;

  /** @param {HistoryAnswer} answer of 48 hours */
  constructor({ at, step_seconds, points }) {
    this.#step = step_seconds;
    const now = Date.parse(at) / 1_000;
    this.#end = Math.ceil(now / step_seconds) * step_seconds;
    this.#points = new Map(points.map((point) => [Date.parse(point.at) / 1_000, point]));
    this.#firstAt = Math.min(...this.#points.keys());
  }

  /** Whether the day shows more than the live charts. */
  get isWorthALook() {
    return this.#end - this.#firstAt > 2 * this.#step;
  }

  /** The right edge, seconds since 1970. */
  get end() {
    return this.#end;
  }

  /**
   * Columns for uPlot: seconds since 1970, each figure, and the last figure of the day before. A step without a point is
   * a gap.
   * @param {readonly string[]} names
   * @returns {[number[], ...(number | null)[][]]}
   */
  columns(names) {
    const steps = daySeconds / this.#step;
    const times = Array.from({ length: steps }, (_, n) => this.#end - (steps - n) * this.#step);
    const column = (/** @type {string} */ name, secondsBefore = 0) => {
      const figure = figures[name];
      if (!figure) throw new Error(`the history has no ${name}`);
      return times.map((time) => {
        const point = this.#points.get(time - secondsBefore);
        return point ? figure(point) : null;
      });
    };
    return [times, ...names.map((name) => column(name)), column(names.at(-1) ?? "", daySeconds)];
  }
}
