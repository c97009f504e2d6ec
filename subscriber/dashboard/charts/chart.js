/** One live chart on a canvas, and the same in words for screen readers. */
import { element, setText } from "../dom.js";
import { clock, duration } from "../format.js";

/**
 * @typedef {{ name: string, label: string, color: string, optional?: boolean }} Series `color`: of --series-NAME; `optional`:
 *   left out where no value of it is known
 * @typedef {{
 *   title: string, series: Series[], format: (value: number) => string, axis: (value: number) => string, least: number,
 * }} Options `least`: the top of the scale while all values are below it
 * @typedef {[number[], ...(number | null)[][]]} Data
 */

/** uPlot's script runs before the page's own. @type {any} */
const uPlot = Reflect.get(globalThis, "uPlot");

export class LiveChart {
  #options;
  #box;
  #readout;
  #plot;
  /** The right edge, and the span that the chart shows, in seconds. */
  #now = 0;
  #span = 0;

  /**
   * @param {HTMLElement} box
   * @param {Options} options
   */
  constructor(box, options) {
    this.#options = options;
    this.#box = box;
    this.#readout = element("p", { class: "readout", "aria-hidden": "true" });
    const canvas = element("div", { "aria-hidden": "true" });
    box.setAttribute("role", "img");
    box.append(canvas, this.#readout);
    this.#plot = new uPlot(this.#plotOptions(), [[], ...options.series.map(() => [])], canvas);
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(box);
  }

  get names() {
    return this.#options.series.map(({ name }) => name);
  }

  /**
   * @param {Data} data
   * @param {number} now seconds since 1970
   * @param {number} span seconds
   */
  draw(data, now, span) {
    this.#now = now;
    this.#span = span;
    this.#plot.setData(data);
    this.#box.setAttribute("aria-label", this.#inWords(data));
  }

  /** Whether the time's label would be cut off at the right. @param {number} time seconds since 1970 */
  #isAtEdge(time) {
    return this.#now - time < 0.06 * this.#span;
  }

  #size() {
    return { width: this.#box.clientWidth, height: this.#box.clientHeight };
  }

  #plotOptions() {
    const { series, axis, least } = this.#options;
    const small = { font: `11px ${getComputedStyle(document.body).fontFamily}`, ticks: { show: false } };
    return {
      ...this.#size(),
      padding: [8, 6, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: "time" }, points: { size: 6 } },
      tzDate: (/** @type {number} */ seconds) => uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC"),
      scales: {
        x: { range: () => [this.#now - this.#span, this.#now] },
        y: {
          range: (
            /** @type {unknown} */ _,
            /** @type {number} */ __,
            /** @type {number | null} */ most,
          ) => [0, Math.max(least, (most ?? 0) * 1.1)],
        },
      },
      axes: [
        {
          ...small,
          stroke: () => color("--muted"),
          grid: { show: false },
          size: 22,
          gap: 4,
          space: 64,
          incrs: [15, 30, 60, 120, 10_800, 21_600, 43_200],
          values: (/** @type {unknown} */ _, /** @type {number[]} */ times) =>
            times.map((time) => this.#isAtEdge(time) ? "" : clock(time * 1_000).replace(/:00$/, "")),
        },
        {
          ...small,
          stroke: () => color("--muted"),
          grid: { stroke: () => color("--line"), width: 1 },
          size: 46,
          gap: 4,
          space: 26,
          values: (/** @type {unknown} */ _, /** @type {number[]} */ values) => values.map(axis),
        },
      ],
      series: [
        {},
        ...series.map(({ color: n }, index) => ({
          stroke: () => color(`--series-${n}`),
          ...(index === 0 && { fill: () => color(`--series-${n}-fill`) }),
          width: n === "yesterday" ? 1 : 1.5,
          ...(n === "yesterday" && { dash: [4, 3] }),
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [(/** @type {{ cursor: { idx: number | null }, data: Data }} */ plot) => this.#read(plot)] },
    };
  }

  /**
   * Shows the values under the pointer.
   * @param {{ cursor: { idx: number | null }, data: Data }} plot
   */
  #read({ cursor: { idx }, data: [times, ...columns] }) {
    const time = idx === null ? undefined : times[idx];
    if (idx === null || time === undefined) return setText(this.#readout, "");
    const values = this.#options.series.flatMap(({ label, optional }, n) => {
      const value = columns[n]?.[idx];
      if (typeof value === "number") return `${label} ${this.#options.format(value)}`.trim();
      return optional ? [] : `${label} not known`.trim();
    });
    setText(this.#readout, `${clock(time * 1_000)}  ${values.join("  ")}`);
  }

  /** @param {Data} data */
  #inWords([, ...columns]) {
    const { title, series, format } = this.#options;
    const parts = series.flatMap(({ label, optional }, n) => {
      const known = (columns[n] ?? []).filter((value) => value !== null);
      const newest = known.at(-1);
      if (newest === undefined) return optional ? [] : `${label} nothing known yet`;
      const [lowest, highest] = [Math.min(...known), Math.max(...known)];
      return `${label} ${optional ? "" : `now ${format(newest)}, `}lowest ${format(lowest)}, highest ${
        format(highest)
      }`;
    });
    return `${title}, in the last ${duration(1_000 * this.#span)}: ${parts.map((part) => part.trim()).join("; ")}.`;
  }
}

/** @param {string} name of a custom property, whose value depends on the colour scheme */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}
