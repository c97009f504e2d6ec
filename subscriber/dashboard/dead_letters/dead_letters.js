/** Dead letters: to look at, and for whoever may act to replay and drop, one by one or by reason. */
import { confirm } from "./confirm.js";
import { deadLetterRow } from "./row.js";
import { dropMany, dropOne, listDeadLetters, Refusal, replayMany, replayOne } from "./api.js";
import { byId, element, setTextOf } from "../dom.js";
import { describeDone, describeList, describeReasons, describeWaiting, questions } from "./words.js";

/** @typedef {import("../answers.ts").DeadLetter} DeadLetter */

const reloadEveryMs = 5_000;

export class DeadLetters {
  /** @type {HTMLSelectElement} */
  #reason = byId("letters-reason");
  /** @type {"unasked" | "open"} */
  #state = "unasked";
  #loading = Promise.resolve();
  #loadedAt = -Infinity;
  /** How many there were when the list was loaded. @type {number | null} */
  #countThen = null;
  /** @type {number | null} */
  #countNow = null;
  /** What the last action has come to. */
  #done = "";
  /** @type {Set<string>} */
  #reasons = new Set();
  /** What is listed, by the letter's JSON. @type {Map<string, HTMLElement>} */
  #rows = new Map();

  #find;
  #onRefused;

  /**
   * @param {(messageId: string) => void} find shows where an event is
   * @param {() => void} onRefused whoever is signed in may not do that, or not any more
   */
  constructor(find, onRefused) {
    this.#find = find;
    this.#onRefused = onRefused;
    this.#reason.addEventListener("change", () => {
      this.#done = "";
      this.#load();
    });
    byId("letters-replay").addEventListener("click", () => this.#replayAll());
    byId("letters-drop").addEventListener("click", () => this.#dropAll());
  }

  /** @param {import("../answers.ts").Overview} overview */
  answered({ dead_letters, dead_letters_by_reason }) {
    this.#countNow = dead_letters;
    this.#addReasons(Object.keys(dead_letters_by_reason));
    this.#drawReasons(dead_letters_by_reason);
    const due = performance.now() - this.#loadedAt > reloadEveryMs;
    const changed = this.#state === "open" && dead_letters !== null && dead_letters !== this.#countThen;
    if (!document.hidden && due && (this.#state === "unasked" || changed)) this.#load();
  }

  /** For somebody else. */
  reload() {
    this.#done = "";
    this.#load();
  }

  /** One at a time. */
  #load() {
    this.#loading = this.#loading.then(() => this.#loadNow());
    return this.#loading;
  }

  async #loadNow() {
    this.#loadedAt = performance.now();
    this.#countThen = this.#countNow;
    try {
      const { total, waiting, dead_letters } = await listDeadLetters(this.#reason.value);
      this.#state = "open";
      this.#draw(dead_letters);
      const list = describeList(total, dead_letters.length, this.#reason.value);
      this.#say(`${this.#done} ${list} ${describeWaiting(waiting)}`.trim());
    } catch (error) {
      this.#refused(error);
    }
    this.#show();
  }

  /** @param {unknown} error */
  #refused(error) {
    if (!(error instanceof Refusal)) throw error;
    this.#say(error.message);
    if (error.status === 401 || error.status === 403) this.#onRefused();
  }

  #show() {
    byId("letters-tools").hidden = this.#state !== "open";
  }

  /** @param {string} sentence */
  #say(sentence) {
    setTextOf("letters-status", sentence);
  }

  /**
   * Rows that are there already stay, opened as they are.
   * @param {readonly DeadLetter[]} letters
   */
  #draw(letters) {
    this.#addReasons(letters.map(({ reason }) => reason));
    const rows = new Map(letters.map((letter) => {
      const key = JSON.stringify(letter);
      return [key, this.#rows.get(key) ?? this.#rowOf(letter)];
    }));
    const focused = document.activeElement;
    for (const [key, row] of this.#rows) if (!rows.has(key)) row.remove();
    let place = byId("letters").firstElementChild;
    for (const row of rows.values()) {
      if (row === place) place = place.nextElementSibling;
      else byId("letters").insertBefore(row, place);
    }
    this.#rows = rows;
    if (focused && focused !== document.body && !focused.isConnected) byId("letters-title").focus();
  }

  /** @param {DeadLetter} letter */
  #rowOf(letter) {
    return deadLetterRow(letter, {
      find: ({ message_id }) => this.#find(message_id),
      replay: (it) => this.#replay(it),
      drop: (it) => this.#drop(it),
    });
  }

  /** @param {string[]} reasons */
  #addReasons(reasons) {
    if (this.#reason.options.length > 0 && reasons.every((reason) => this.#reasons.has(reason))) return;
    for (const reason of reasons) this.#reasons.add(reason);
    const chosen = this.#reason.value;
    const all = Array.from(this.#reasons).sort();
    this.#reason.replaceChildren(
      element("option", { value: "" }, "all"),
      ...all.map((reason) => element("option", { value: reason }, reason)),
    );
    this.#reason.value = chosen;
  }

  /** @param {Record<string, number>} byReason */
  #drawReasons(byReason) {
    const sentence = describeReasons(byReason);
    byId("letters-reasons").hidden = sentence === "";
    setTextOf("letters-reasons", sentence);
  }

  /** @param {DeadLetter} letter */
  async #replay(letter) {
    if (await confirm(questions.replay(letter))) await this.#act(() => replayOne(letter.message_id));
  }

  /** @param {DeadLetter} letter */
  async #drop(letter) {
    if (await confirm(questions.drop(letter))) await this.#act(() => dropOne(letter.message_id));
  }

  async #replayAll() {
    const reason = this.#reason.value;
    if (await confirm(questions.replayAll(reason))) await this.#act(() => replayMany(reason));
  }

  async #dropAll() {
    const reason = this.#reason.value;
    if (await confirm(questions.dropAll(reason))) await this.#act(() => dropMany(reason));
  }

  /** @param {() => Promise<import("../answers.ts").Done>} act */
  async #act(act) {
    this.#say("Working…");
    try {
      this.#done = describeDone(await act());
    } catch (error) {
      return this.#refused(error);
    }
    await this.#load();
  }
}
