/** The letters of the open group, newest first, a page at a time. */
import { element, setText } from "../dom.js";
import { count } from "../format.js";
import { listLetters, showLetter } from "./api.js";
import { letterRow } from "./row.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */

export class LetterList {
  #list = element("ol", { id: "letters", class: "letters" });
  #note = element("p", { id: "letters-shown", class: "note", role: "status" });
  #more = element("button", { type: "button", id: "letters-more" }, "Show more");
  #box = element("div", {}, this.#list, element("div", { class: "buttons paging" }, this.#more, this.#note));
  #filter = new URLSearchParams();
  /** @type {string | null} */
  #next = null;
  /** Number of the newest request. Answers to earlier requests are ignored. */
  #asked = 0;
  #on;
  #onRefused;

  /**
   * @param {import("./row.js").OnLetter} on
   * @param {(error: unknown) => void} onRefused
   */
  constructor(on, onRefused) {
    this.#on = on;
    this.#onRefused = onRefused;
    this.#more.addEventListener("click", () => this.#load());
  }

  /**
   * Loads the newest page. Existing letters stay until the answer arrives, and open letters stay open.
   * @param {HTMLElement} place
   * @param {URLSearchParams} filter
   */
  open(place, filter) {
    if (this.#box.parentElement !== place) {
      this.close();
      place.append(this.#box);
    }
    this.#filter = filter;
    this.#next = null;
    return this.#load();
  }

  /** Removes the list and its rows from the document. */
  close() {
    this.#asked++;
    this.#next = null;
    this.#list.replaceChildren();
    this.#box.remove();
  }

  /**
   * Removes a letter that the filter no longer matches. The focus moves to the next letter.
   * @param {DeadLetter} letter
   */
  remove(letter) {
    const row = this.#rowOf(letter);
    if (!row) return;
    const next = row.nextElementSibling ?? row.previousElementSibling ?? this.#box.closest("li");
    const focused = row.contains(document.activeElement);
    row.remove();
    if (focused) next?.querySelector("summary")?.focus();
    this.#say();
  }

  /** Reloads the letter and shows it opened. @param {DeadLetter} letter */
  async refresh(letter) {
    const now = await showLetter(letter.message_id);
    const row = this.#rowOf(now);
    if (!row) return;
    const made = this.#makeRow(now);
    const focused = row.contains(document.activeElement);
    row.replaceWith(made);
    const details = made.querySelector("details");
    if (details) details.open = true;
    if (focused) made.querySelector("summary")?.focus();
  }

  /** @param {DeadLetter} letter */
  #makeRow(letter) {
    const row = letterRow(letter, this.#on);
    row.dataset["letter"] = keyOf(letter);
    return row;
  }

  /** @param {DeadLetter} letter */
  #rowOf(letter) {
    return Array.from(this.#list.children).find((row) =>
      row instanceof HTMLElement && row.dataset["letter"] === keyOf(letter)
    );
  }

  async #load() {
    const [asked, after] = [++this.#asked, this.#next ?? undefined];
    setText(this.#note, "Loading…");
    this.#more.hidden = true;
    try {
      const { dead_letters, next } = await listLetters(this.#filter, { after });
      if (asked !== this.#asked) return;
      this.#next = next;
      const rows = dead_letters.map((letter) => this.#makeRow(letter));
      if (after === undefined) this.#showAnew(rows);
      else {
        this.#list.append(...rows);
        rows[0]?.querySelector("summary")?.focus();
      }
      this.#say();
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#more.hidden = false;
      setText(this.#note, "");
      this.#onRefused(error);
    }
  }

  /** @param {readonly HTMLElement[]} rows */
  #showAnew(rows) {
    const before = Array.from(this.#list.querySelectorAll("details[open]"), keyOfRow);
    const focused = this.#list.contains(document.activeElement) && keyOfRow(document.activeElement);
    this.#list.replaceChildren(...rows);
    for (const row of rows) {
      const details = row.querySelector("details");
      if (details && before.includes(keyOfRow(row))) details.open = true;
    }
    if (focused === false) return;
    const row = rows.find((row) => keyOfRow(row) === focused) ?? this.#box.closest("li");
    row?.querySelector("summary")?.focus();
  }

  #say() {
    this.#more.hidden = this.#next === null;
    const shown = this.#list.children.length;
    setText(this.#note, this.#next === null && shown < 2 ? "" : `${count(shown)} shown, newest first.`);
  }
}

/** @param {DeadLetter} letter */
function keyOf({ message_id, number }) {
  return `${message_id} ${number}`;
}

/** @param {Element | null} part of a row */
function keyOfRow(part) {
  return part?.closest("li")?.dataset["letter"];
}
