/** Asks before an act on dead letters, and asks for a note when the question has one. */
import { byId, setTextOf } from "../dom.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text
 * @property {string} yes
 * @property {boolean} [danger]
 * @property {string} [note] the label of a field
 * @property {number} [number] initial value of a field for a number
 */

/** @type {HTMLDialogElement} */
const dialog = byId("confirm");
/** @type {HTMLInputElement} */
const field = byId("confirm-note");
/** Answers the open question. @type {(answer: string | undefined) => void} */
let answer = () => {};

/**
 * The focus begins on the note or on Cancel. Escape means Cancel.
 * @param {Question} question
 * @returns {Promise<string | undefined>} the note, which may be empty; `undefined` when the user declines
 */
export function confirm({ title, text, yes, danger = false, note, number }) {
  answer(undefined);
  setTextOf("confirm-title", title);
  setTextOf("confirm-text", text);
  setTextOf("confirm-yes", yes);
  setTextOf("confirm-note-label", note ?? "");
  byId("confirm-field").hidden = note === undefined;
  field.value = String(number ?? "");
  field.inputMode = number === undefined ? "text" : "numeric";
  byId("confirm-yes").className = danger ? "danger" : "";
  dialog.returnValue = "";
  dialog.showModal();
  (note === undefined ? byId("confirm-no") : field).focus();
  if (number !== undefined) field.select();
  return new Promise((resolve) => answer = resolve);
}

byId("confirm-form").addEventListener("submit", (event) => {
  event.preventDefault();
  dialog.close("yes");
});
byId("confirm-no").addEventListener("click", () => dialog.close(""));
dialog.addEventListener("close", () => {
  // The event arrives some time after the dialog closed. If the next question is open by then, this does not answer it.
  if (!dialog.open) answer(dialog.returnValue === "yes" ? field.value.trim() : undefined);
});
