/** What happened to a letter's message, below the letter. */
import { element } from "../dom.js";
import { dateTime } from "../format.js";
import { showHistory } from "./api.js";
import { bodyOf } from "./body.js";
import { countsOf, stepsOf } from "./lineage.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */
/** @typedef {import("./answers.ts").LetterHistory} LetterHistory */

/**
 * Asks for it, and shows nothing where the letter itself says everything.
 * @param {HTMLElement} place
 * @param {DeadLetter} letter
 */
export async function showLineage(place, letter) {
  try {
    place.replaceChildren(...draw(await showHistory(letter.message_id), letter));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    place.replaceChildren(element("p", { class: "note" }, `Its history cannot be shown. ${why}`));
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
        ...(several && number === letter.number && what.startsWith("died")
          ? [" ", element("span", { class: "tag" }, "this letter")]
          : []),
        ...words.map((line) => element("span", { class: "line" }, line)),
      ),
    )
  );
  return [
    element("h3", {}, countsOf(steps)),
    ...cureOf(history, letter),
    ...(history.more ? [element("p", { class: "note" }, "There is more before this.")] : []),
    element("ol", { class: "stations" }, ...items),
    ...originalOf(history, letter),
  ];
}

/** @param {LetterHistory} history @param {DeadLetter} letter */
function cureOf({ letters, edits }, { number, previous, group, status }) {
  const before = letters.find((letter) => letter.number === previous);
  const isEdited = edits.some(({ letter }) => letter === number);
  if (status !== "dead" || isEdited || previous === null || before?.group !== group) return [];
  const words = "Repair the cause or edit the event first: the last replay died of the same.";
  return [element("p", { class: "cure" }, words)];
}

/**
 * A replay publishes the last edit: what died again is not what the publisher sent.
 * @param {LetterHistory} history
 * @param {DeadLetter} letter
 */
function originalOf({ letters: [first], edits, more }, { number }) {
  if (!first || more || first.number === number || !edits.some(({ letter }) => letter === first.number)) return [];
  return [element("details", {}, element("summary", {}, "As it was published"), ...bodyOf(first))];
}
