/** Asks before something is done that cannot be taken back. */
import { byId, setTextOf } from "../dom.js";

/** @type {HTMLDialogElement} */
const dialog = byId("confirm");
/** Of the question that is open. @type {(yes: boolean) => void} */
let answer = () => {};

/**
 * The focus begins on Cancel, and Escape is the same.
 * @param {{ title: string, text: string, yes: string, danger?: boolean }} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, yes, danger = false }) {
  answer(false);
  setTextOf("confirm-title", title);
  setTextOf("confirm-text", text);
  setTextOf("confirm-yes", yes);
  byId("confirm-yes").className = danger ? "danger" : "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => answer = resolve);
}

byId("confirm-yes").addEventListener("click", () => dialog.close("yes"));
byId("confirm-no").addEventListener("click", () => dialog.close(""));
dialog.addEventListener("close", () => {
  // This comes some time after the closing: by then the next question may be open, and this is not its answer.
  if (!dialog.open) answer(dialog.returnValue === "yes");
});
