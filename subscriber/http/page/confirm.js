/** Asks before something is done that cannot be taken back. */
import { byId, setTextOf } from "./dom.js";

/**
 * The focus begins on Cancel, and Escape is the same.
 * @param {{ title: string, text: string, yes: string, danger?: boolean }} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, yes, danger = false }) {
  /** @type {HTMLDialogElement} */
  const dialog = byId("confirm");
  setTextOf("confirm-title", title);
  setTextOf("confirm-text", text);
  setTextOf("confirm-yes", yes);
  byId("confirm-yes").className = danger ? "danger" : "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

byId("confirm-yes").addEventListener("click", () => /** @type {HTMLDialogElement} */ (byId("confirm")).close("yes"));
byId("confirm-no").addEventListener("click", () => /** @type {HTMLDialogElement} */ (byId("confirm")).close(""));
