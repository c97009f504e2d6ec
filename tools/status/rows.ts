/** A line of the screen, and functions that format its words. */

export const styles = { good: "green", attention: "yellow", bad: "red", faint: "dim" } as const;

export type Tone = keyof typeof styles | "plain";

export interface Row {
  readonly label: string;
  readonly text: string;
  readonly tone: Tone;
}

export function problemRow(label: string, problem: string): Row {
  return { label, text: problem.replace(/\s+/g, " "), tone: "bad" };
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : nouns}`;
}

export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}
