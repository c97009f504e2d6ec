/** The history of a letter's message, below the letter. */
import { element } from "../dom.js";
import { dateTime } from "../format.js";
import { showHistory } from "./api.js";
import { bodyOf } from "./body.js";
import { countsOf, stepsOf } from "./lineage.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */
/** @typedef {import("./answers.ts").LetterHistory} LetterHistory */

/**
 * Loads the history. Shows nothing when it would only repeat the letter.
 * @param {HTMLElement} place
 * @param {DeadLetter} letter
 */
export async function showLineage(place, letter) {
  try {
    place.replaceChildren(...draw(await showHistory(letter.message_id), letter));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    place.replaceChildren(element("p", { class: "note" }, `History unavailable. ${why}`));
  }
}

/**
 * @param {LetterHistory} history
 * @param {DeadLetter} letter
 */
function draw(history, letter) {
  const steps = stepsOf(history);
  if (steps.length < 2) return [];
  const several = history.letters.length > 1;
  const items = steps.map(({ what, at, by, letter: number, words }) =>
    element(
      "li",
      {},
      element("strong", {}, what),
      element("time", at === null ? {} : { datetime: at }, dateTime(at)),
      element(
        "span",
        { class: "detail" },
        ...(by === null ? [] : [element("span", {}, `by ${by}`)]),
        ...(several && number === letter.number && what.startsWith("failed")
          ? [" ", element("span", { class: "tag" }, "this letter")]
          : []),
        ...words.map((line) => element("span", { class: "line" }, line)),
      ),
    )
  );
  return [
    element("h3", {}, countsOf(steps)),
    ...cureOf(history, letter),
    ...(history.more ? [element("p", { class: "note" }, "Earlier steps are not shown.")] : []),
    element("ol", { class: "stations" }, ...items),
    ...originalOf(history, letter),
  ];
}

/** @param {LetterHistory} history @param {DeadLetter} letter */
function cureOf({ letters, edits }, { number, previous, group, status }) {
  const before = letters.find((letter) => letter.number === previous);
  const isEdited = edits.some(({ letter }) => letter === number);
  if (status !== "dead" || isEdited || previous === null || before?.group !== group) return [];
  const words = "Fix the cause or edit the event first: the last replay failed with the same cause.";
  return [element("p", { class: "cure" }, words)];
}

/**
 * Shows the event as the publisher sent it, because a replay publishes the last edit.
 * @param {LetterHistory} history
 * @param {DeadLetter} letter
 */
function originalOf({ letters: [first], edits, more }, { number }) {
  if (!first || more || first.number === number || !edits.some(({ letter }) => letter === first.number)) return [];
  return [element("details", {}, element("summary", {}, "Original event"), ...bodyOf(first))];
}
