/** `deno task bench --quick`: the figures by which a change to the hot path is judged, beside those of the last release. */
import { asWords, digits, type GroupResult, markdown, spreadOf } from "./results.ts";
import type { Figures } from "./scenarios/consume.ts";

/** The variants of the group `throughput` that `--quick` runs. */
export const quickVariants: readonly string[] = ["bare", "ours, lines off", "load", "ours, lines on"];

/** The figures of one turn, by variant. */
type Turn = Readonly<Record<string, Figures>>;

const rate = (turn: Turn, variant: string) => turn[variant]!["eventsPerSecond"]!;
const cpu = (turn: Turn, variant: string) => turn[variant]!["subscriberCpuUs"]!;
const floor = (turn: Turn) => 1 / (1 / rate(turn, "bare") + 1 / rate(turn, "load"));

/** Ratios within one turn first: they hardly depend on the machine and its load. */
const rows: readonly (readonly [name: string, of: (turn: Turn) => number])[] = [
  ["ours ÷ floor, lines off", (turn) => rate(turn, "ours, lines off") / floor(turn)],
  ["ours ÷ floor, lines on", (turn) => rate(turn, "ours, lines on") / floor(turn)],
  ["subscriber CPU ÷ bare's, lines off", (turn) => cpu(turn, "ours, lines off") / cpu(turn, "bare")],
  ["subscriber CPU ÷ bare's, lines on", (turn) => cpu(turn, "ours, lines on") / cpu(turn, "bare")],
  ["events/s, lines off", (turn) => rate(turn, "ours, lines off")],
  ["subscriber CPU per event in µs, lines off", (turn) => cpu(turn, "ours, lines off")],
];

/**
 * Returns a table of the medians and spreads, and of how they changed.
 * @param now the figures of each run, by variant
 * @param kept the group `throughput` of bench/results/
 */
export function quickTable(now: GroupResult["runs"], kept: GroupResult): string {
  const [nowTurns, keptTurns] = [turnsOf(now), turnsOf(kept.runs)];
  return markdown([
    ["", `commit ${kept.commit}`, "now", "now ÷ then"],
    ...rows.map(([name, of]) => {
      const [then, present] = [spreadOf(keptTurns.map(of)), spreadOf(nowTurns.map(of))];
      return [name, asWords(then), asWords(present), digits(present.median / then.median)];
    }),
  ]);
}

function turnsOf(runs: GroupResult["runs"]): Turn[] {
  const turns = Math.min(...quickVariants.map((variant) => runs[variant]?.length ?? 0));
  return Array.from(
    { length: turns },
    (_, turn) => Object.fromEntries(quickVariants.map((variant) => [variant, runs[variant]![turn]!])),
  );
}
