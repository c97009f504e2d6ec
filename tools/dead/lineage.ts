/** Prints the history of a letter's message, with the same steps as the page. */
import { historyToJson, type LetterHistory } from "../../shared/rabbitmq/dead/admin.ts";
import { shownEvent } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { printable } from "../../shared/runtime/printable.ts";
import { countsOf, stepsOf } from "../../subscriber/dashboard/dead_letters/lineage.js";

/** Returns nothing when the history would only repeat the letter. */
export function describeLineage(history: LetterHistory): string[] {
  // Converts to the JSON that the page receives.
  const steps = stepsOf(JSON.parse(JSON.stringify(historyToJson(history))));
  if (steps.length < 2) return [];
  const lines = steps.flatMap(({ what, at, by, words }) => [
    `  ${at ?? "time unknown"}  ${what}${by === null ? "" : ` by ${by}`}`,
    ...words.map((line) => `    ${line}`),
  ]);
  const [first] = history.letters;
  const original = history.more || !first || history.edits.length === 0
    ? []
    : [`original         ${first.event ? JSON.stringify(shownEvent(first.event)) : `no event: ${first.bodyProblem}`}`];
  return [
    `history          ${countsOf(steps)}`,
    ...(history.more ? ["  Earlier steps are not shown."] : []),
    ...lines,
    ...original,
  ].map((line) => printable(line));
}
