/** Prints what happened to a letter's message: the same steps as the page. */
import { historyToJson, type LetterHistory } from "../../shared/rabbitmq/dead/admin.ts";
import { shownEvent } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { countsOf, stepsOf } from "../../subscriber/dashboard/dead_letters/lineage.js";

/** Returns nothing when the letter itself says everything. */
export function describeLineage(history: LetterHistory): string[] {
  // As the page receives it.
  const steps = stepsOf(JSON.parse(JSON.stringify(historyToJson(history))));
  if (steps.length < 2) return [];
  const lines = steps.flatMap(({ what, at, by, words }) => [
    `  ${at ?? "at an unknown time"}  ${what}${by === null ? "" : ` by ${by}`}`,
    ...words.map((line) => `    ${line}`),
  ]);
  const [first] = history.letters;
  const original = history.more || !first || history.edits.length === 0
    ? []
    : [`as published     ${first.event ? JSON.stringify(shownEvent(first.event)) : `no event: ${first.bodyProblem}`}`];
  return [
    `history          ${countsOf(steps)}`,
    ...(history.more ? ["  There is more before this."] : []),
    ...lines,
    ...original,
  ].map((line) => printable(line));
}
