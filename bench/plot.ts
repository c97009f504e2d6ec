/** A line plot as SVG, for pages that are light or dark. */

export interface Point {
  readonly x: number;
  readonly y: number;
  /** The ends of a whisker. */
  readonly min?: number;
  readonly max?: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xScale: Scale;
  readonly yScale: Scale;
  readonly series: readonly Series[];
}

export type Scale = "linear" | "log";

const [width, height] = [720, 420];
const frame = { left: 80, right: 696, top: 56, bottom: 356 };
/** Okabe and Ito's, which people with any colour vision tell apart: jfly.uni-koeln.de/color. */
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/** @throws {RangeError} when there is nothing to draw, or a value has no place on a logarithmic scale */
export function plotSvg(plot: Plot): string {
  const { title, xLabel, yLabel, xScale, yScale, series } = plot;
  const points = series.flatMap((each) => each.points);
  if (points.length === 0) throw new RangeError(`the plot "${title}" has no points`);
  const heights = points.flatMap(({ y, min = y, max = y }) => [min, y, max]);
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const yTicks = yScale === "log" ? decades(heights) : roundSteps(Math.max(...heights));
  const x = placing(xScale, xs, frame.left + 24, frame.right - 24);
  const y = placing(yScale, [...heights, ...yTicks], frame.bottom, frame.top);

  const grid = yTicks.map((tick) =>
    `<line class="grid" x1="${frame.left}" x2="${frame.right}" y1="${y(tick)}" y2="${y(tick)}"/>` +
    text(frame.left - 8, y(tick) + 4, "end", shown(tick))
  );
  const ticks = xs.map((tick) => text(x(tick), frame.bottom + 20, "middle", shown(tick)));
  const drawn = series.map((each, i) => drawSeries(each, colours[i % colours.length]!, x, y));
  const legend = series.map(({ name }, i) => {
    const at = frame.left + 12 + i * 170;
    const colour = colours[i % colours.length];
    return `<circle cx="${at}" cy="42" r="5" fill="${colour}"/>${text(at + 12, 46, "start", name)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${
      escaped(title)
    }">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(series.map(inWords).join(" "))}</desc>`,
    "<style>svg{background:#fff}text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-size:16px;font-weight:600}" +
    ".grid{stroke:#d0d7de}path,.whisker{fill:none;stroke-width:2}" +
    "@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}}</style>",
    text(frame.left, 22, "start", title, ' class="title"'),
    ...legend,
    ...grid,
    ...ticks,
    text((frame.left + frame.right) / 2, height - 18, "middle", xLabel),
    `<text transform="translate(20 ${(frame.top + frame.bottom) / 2}) rotate(-90)" text-anchor="middle">${
      escaped(yLabel)
    }</text>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

type Place = (value: number) => number;

function drawSeries({ points }: Series, colour: string, x: Place, y: Place): string {
  const line = points.map((point, i) => `${i === 0 ? "M" : "L"}${x(point.x)} ${y(point.y)}`).join("");
  const marks = points.map((point) => {
    const { min, max } = point;
    const whisker = min === undefined || max === undefined
      ? ""
      : `<line class="whisker" stroke="${colour}" x1="${x(point.x)}" x2="${x(point.x)}" y1="${y(min)}" y2="${
        y(max)
      }"/>`;
    return `${whisker}<circle cx="${x(point.x)}" cy="${y(point.y)}" r="4" fill="${colour}"/>`;
  });
  return `<path d="${line}" stroke="${colour}"/>${marks.join("")}`;
}

/** A linear scale begins at 0. */
function placing(scale: Scale, values: readonly number[], from: number, to: number): Place {
  const wrong = scale === "log" ? values.find((value) => !(value > 0)) : undefined;
  if (wrong !== undefined) throw new RangeError(`${wrong} has no place on a logarithmic scale`);
  const along = scale === "log" ? Math.log : (value: number) => value;
  const low = scale === "log" ? along(Math.min(...values)) : 0;
  const span = along(Math.max(...values)) - low || 1;
  return (value) => Math.round((from + (to - from) * (along(value) - low) / span) * 10) / 10;
}

/** 1, 2 and 5 times the powers of ten, around all values. */
function decades(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const digit of [1, 2, 5]) ticks.push(Number(`${digit}e${power}`));
  }
  const first = ticks.findLastIndex((tick) => tick <= least);
  const last = ticks.findIndex((tick) => tick >= most);
  return ticks.slice(Math.max(0, first), last < 0 ? undefined : last + 1);
}

/** Some five steps from 0 past the greatest value. */
function roundSteps(most: number): number[] {
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((each) => each >= rough)!;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

function inWords({ name, points }: Series): string {
  return `${name}: ${points.map(({ x, y }) => `${shown(y)} at ${shown(x)}`).join(", ")}.`;
}

function text(x: number, y: number, anchor: string, content: string, more = ""): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${more}>${escaped(content)}</text>`;
}

function shown(value: number): string {
  return value >= 1_000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
