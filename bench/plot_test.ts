import { match, strictEqual, throws } from "node:assert/strict";
import { type Plot, plotSvg } from "./plot.ts";

function plotOf(changes: Partial<Plot> = {}): Plot {
  return {
    title: "Rate",
    xLabel: "subscribers",
    yLabel: "events/s",
    xScale: "log",
    yScale: "linear",
    series: [{ name: "few", points: [{ x: 1, y: 100 }, { x: 2, y: 150 }, { x: 4, y: 50 }] }],
    ...changes,
  };
}

function circlesOf(svg: string): { x: number; y: number }[] {
  return Array.from(
    svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="4"/g),
    ([, x, y]) => ({ x: Number(x), y: Number(y) }),
  );
}

Deno.test("plotSvg() puts doubles at the same distance on a logarithmic scale, and more higher up", () => {
  const [one, two, four] = circlesOf(plotSvg(plotOf()));
  strictEqual(Math.abs((two!.x - one!.x) - (four!.x - two!.x)) < 0.2, true);
  strictEqual(two!.y < one!.y && one!.y < four!.y, true);
});

Deno.test("plotSvg() draws a whisker from the least to the greatest where they are given", () => {
  const svg = plotSvg(plotOf({ series: [{ name: "a", points: [{ x: 1, y: 2, min: 1, max: 4 }, { x: 2, y: 2 }] }] }));
  strictEqual(svg.match(/class="whisker"/g)?.length, 1);
  const [, lower, upper] = /class="whisker"[^>]*y1="([\d.]+)" y2="([\d.]+)"/.exec(svg)!;
  strictEqual(Number(lower) > circlesOf(svg)[0]!.y && Number(upper) < circlesOf(svg)[0]!.y, true);
});

Deno.test("plotSvg() tells its figures in words to those who do not see it, and escapes every text", () => {
  const svg = plotSvg(plotOf({ title: 'a < b & "c"', series: [{ name: "<p99>", points: [{ x: 1_000, y: 12.34 }] }] }));
  match(svg, /<title>a &#60; b &#38; &#34;c&#34;<\/title>/);
  match(svg, /<desc>&#60;p99&#62;: 12.3 at 1,000.<\/desc>/);
});

Deno.test("plotSvg() names the value that has no place on a logarithmic scale, and refuses to draw nothing", () => {
  const series = [{ name: "a", points: [{ x: 0, y: 1 }] }];
  throws(() => plotSvg(plotOf({ series })), /^RangeError: 0 has no place on a logarithmic scale$/);
  throws(() => plotSvg(plotOf({ series: [] })), /^RangeError: the plot "Rate" has no points$/);
});
