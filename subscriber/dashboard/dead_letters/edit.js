/** Edits one letter's event as JSON: shows it before and after, saves it, and replays it. */
import { byId, element, setTextOf } from "../dom.js";
import { actOnOne, previewEdit, saveEdit } from "./api.js";
import { shown } from "./body.js";
import { describeDone } from "./words.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */
/** @typedef {import("./answers.ts").Edit} Edit */

export class Editor {
  /** @type {HTMLDialogElement} */
  #dialog = byId("edit");
  /** @type {HTMLTextAreaElement} */
  #text = byId("edit-json");
  /** @type {DeadLetter | undefined} */
  #letter;
  /** The last text that the subscriber accepted as an event. */
  #fits = "";
  /** Number of the newest request. Answers to earlier requests are ignored. */
  #asked = 0;
  #onDone;

  /** @param {(letter: DeadLetter, act: "saved" | "replayed", said: string) => void} onDone */
  constructor(onDone) {
    this.#onDone = onDone;
    byId("edit-close").addEventListener("click", () => this.#dialog.close());
    byId("edit-preview").addEventListener("click", () => this.#preview());
    byId("edit-save").addEventListener("click", () => this.#save(false));
    byId("edit-replay").addEventListener("click", () => this.#save(true));
    this.#text.addEventListener("input", () => this.#show(undefined, ""));
    this.#dialog.addEventListener("close", () => this.#asked++);
  }

  /** @param {DeadLetter} letter */
  open(letter) {
    this.#letter = letter;
    setTextOf("edit-title", `Edit ${letter.message_id}`);
    this.#text.value = "";
    this.#show(undefined, "Loading…");
    this.#dialog.showModal();
    this.#text.focus();
    // An edit without fields changes nothing. Its `before` is the body as it is, with its errors.
    return this.#ask("{}", (edit) => {
      this.#text.value = edit.before ? JSON.stringify(edit.before, null, 2) : "";
      if (edit.before) this.#preview();
      else this.#show(undefined, "The body holds no event. Enter the complete event.");
    });
  }

  #preview() {
    const json = this.#text.value;
    return this.#ask(json, (edit) => {
      this.#fits = edit.problem === null ? json : "";
      this.#show(edit, edit.problem === null ? "" : `Invalid: ${edit.problem}.`);
    });
  }

  /**
   * @param {string} json
   * @param {(edit: Edit) => void} use
   */
  async #ask(json, use) {
    const [asked, letter] = [++this.#asked, this.#letter];
    if (!letter) return;
    try {
      const { edits } = await previewEdit(letter.message_id, json);
      if (asked !== this.#asked) return;
      const edit = edits.at(-1);
      if (edit) use(edit);
      else this.#show(undefined, "The letter was replayed or dropped in the meantime.");
    } catch (error) {
      if (asked === this.#asked) this.#show(undefined, wordsOf(error));
    }
  }

  /** @param {boolean} thenReplay */
  async #save(thenReplay) {
    const [asked, letter, json] = [++this.#asked, this.#letter, this.#text.value];
    if (!letter || json !== this.#fits) return;
    this.#enable(false);
    setTextOf("edit-status", "Working…");
    try {
      await saveEdit(letter.message_id, json);
      const said = thenReplay ? describeDone(await actOnOne("replay", letter.message_id)) : "Edited.";
      // Close first: closing returns the focus to a row that `onDone` may remove.
      if (asked === this.#asked) this.#dialog.close();
      this.#onDone(letter, thenReplay ? "replayed" : "saved", said);
    } catch (error) {
      if (asked !== this.#asked) return;
      setTextOf("edit-status", wordsOf(error));
      this.#enable(true);
    }
  }

  /**
   * @param {Edit | undefined} edit
   * @param {string} words
   */
  #show(edit, words) {
    this.#enable(edit !== undefined && edit.problem === null);
    setTextOf("edit-status", words);
    byId("edit-lines").replaceChildren(...(edit?.after ? linesOf(edit.before, edit.after) : []));
    byId("edit-change").hidden = !edit?.after;
  }

  /** @param {boolean} enabled */
  #enable(enabled) {
    for (const id of ["edit-save", "edit-replay"]) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = !enabled;
    }
  }
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Returns a row for each field: its name, its value before, and its value after.
 * @param {import("./answers.ts").EventJson | null} before
 * @param {import("./answers.ts").EventJson} after
 */
function linesOf(before, after) {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after)]);
  return Array.from(names, (name) => {
    const [was, is] = [shown(before?.[name]), shown(after[name])];
    return element(
      "tr",
      was === is ? {} : { class: "changed" },
      element("th", { scope: "row" }, name),
      element("td", {}, was),
      element("td", {}, was === is ? is : element("strong", {}, is)),
    );
  });
}
