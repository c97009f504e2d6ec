/** Dead letters by cause and by letter. Users who may act replay, edit, drop and restore them, and take groups. */
import { actOnFilter } from "./acts.js";
import { actOnOne, leaveGroup, listGroups, listLetters, Refusal, takeGroup } from "./api.js";
import { confirm } from "./confirm.js";
import { Editor } from "./edit.js";
import { LetterFilter } from "./filter.js";
import { GroupList } from "./group_list.js";
import { Jobs } from "./jobs.js";
import { LetterList } from "./letter_list.js";
import { describeDone, describeList, describeWaiting, questions } from "./words.js";
import { byId, setTextOf } from "../dom.js";
import { count } from "../format.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */
/** @typedef {import("./answers.ts").ManyAct} ManyAct */
/** @typedef {import("./answers.ts").CauseGroup} CauseGroup */

const allActs = { replay: "Replay", drop: "Drop", undo: "Undo" };
/** How long loaded groups are shown, with and without a changed count: the same count may be of other letters. */
const [changedMs, unchangedMs] = [5_000, 30_000];

export class DeadLetters {
  /** @type {"unasked" | "open"} */
  #state = "unasked";
  #loading = Promise.resolve();
  #loadedAt = -Infinity;
  /** The counts when the groups were loaded. @type {string | undefined} */
  #countThen;
  /** @type {string | undefined} */
  #countNow;
  /** Whether the counts changed since the groups were loaded, even if they are the same again. */
  #changed = false;
  /** How many letters the status speaks of. */
  #total = 0;
  /** The result of the last act. */
  #done = "";
  #filter = new LetterFilter(() => {
    this.#done = "";
    this.#load({ anew: true });
  });
  #groups = new GroupList({
    open: ({ group }, place) => this.#letters.open(place, this.#with(group)),
    close: (group) => this.#closed(group),
    act: (act, { group, reason, cause }) =>
      this.#actOnMany(act, this.#with(group), `${reason}: ${cause}${this.#filter.words && `; ${this.#filter.words}`}`),
    take: (group) => this.#take(group),
    leave: ({ group }) => this.#act(() => leaveGroup(group), () => "Left."),
  });
  #jobs = new Jobs({
    refused: (error) => this.#refused(error),
    ended: () => this.#load({ anew: true }),
  });
  #editor = new Editor((letter, act, said) => this.#edited(letter, act, said));
  #letters;
  #onRefused;

  /**
   * @param {(messageId: string) => void} find shows where an event is
   * @param {() => void} onRefused called when the signed-in user may not do that, or no longer
   */
  constructor(find, onRefused) {
    this.#onRefused = onRefused;
    this.#letters = new LetterList({
      find: ({ message_id }) => find(message_id),
      edit: (letter) => this.#editor.open(letter),
      replay: (letter) => this.#actOnOne("replay", letter),
      drop: (letter) => this.#actOnOne("drop", letter),
      undo: (letter) => this.#actOnOne("undo", letter),
    }, (error) => this.#refused(error));
    for (const act of /** @type {const} */ (["replay", "drop", "undo"])) {
      byId(`letters-${act}`).addEventListener(
        "click",
        () => this.#actOnMany(act, this.#filter.query, this.#filter.words),
      );
    }
  }

  /** @param {import("../answers.ts").Overview} overview */
  answered({ at, mode, dead_letters, dead_letters_untended, dead_letters_by_reason }) {
    this.#countNow = `${dead_letters} ${dead_letters_untended}`;
    byId("letters-panel").toggleAttribute("data-embedded", mode === "embedded");
    this.#filter.offer(Object.keys(dead_letters_by_reason));
    this.#changed ||= dead_letters !== null && this.#countNow !== this.#countThen;
    const ageMs = performance.now() - this.#loadedAt;
    // Under a headline that counts letters, "No dead letters" would be false; and there is no list to disturb.
    const isFalse = this.#changed && this.#total === 0;
    const due = isFalse || ageMs > (this.#changed || this.#state === "unasked" ? changedMs : unchangedMs);
    if (!document.hidden && due) this.#load();
    if (mode === "servers") this.#jobs.tick(Date.parse(at));
  }

  /** Reloads for another user. */
  reload() {
    this.#done = "";
    this.#load({ anew: true });
  }

  /**
   * Loads one at a time.
   * @param {{ anew?: boolean }} [how] anew: also reload the letters of the open group, newest first
   */
  #load({ anew = false } = {}) {
    this.#loading = this.#loading.catch(() => {}).then(() => this.#loadNow(anew));
    return this.#loading;
  }

  /** @param {boolean} anew */
  async #loadNow(anew) {
    this.#loadedAt = performance.now();
    this.#countThen = this.#countNow;
    this.#changed = false;
    const { query, status } = this.#filter;
    try {
      const [{ groups }, { total, waiting }] = await Promise.all([listGroups(query), listLetters(query, { limit: 1 })]);
      this.#state = "open";
      this.#total = total;
      byId("letters-panel").dataset["status"] = status;
      this.#filter.offer(groups.map(({ reason }) => reason));
      this.#groups.draw(groups);
      if (anew) this.#groups.reopen();
      const matching = groups.reduce((sum, { letters }) => sum + letters, 0);
      const filtered = query.size > 0;
      const list = describeList({ status, total, matching, causes: groups.length, filtered });
      this.#say(`${this.#done} ${list} ${describeWaiting(waiting)}`.trim());
      for (const [act, words] of Object.entries(allActs)) {
        setTextOf(`letters-${act}`, `${words} all ${count(matching)}`);
      }
      byId("letters-many").hidden = matching === 0;
      byId("letters-tools").hidden = false;
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {string} group */
  #with(group) {
    const query = this.#filter.query;
    query.set("group", group);
    return query;
  }

  /** The groups share one list of letters, which may show another group's by now. @param {CauseGroup} group */
  #closed({ group }) {
    const opened = this.#groups.opened;
    if (!opened || opened.group === group) this.#letters.close();
  }

  /** @param {unknown} error */
  #refused(error) {
    if (!(error instanceof Refusal)) throw error;
    this.#say(error.message);
    if (error.status === 401 || error.status === 403) this.#onRefused();
  }

  /** @param {string} sentence */
  #say(sentence) {
    setTextOf("letters-status", sentence);
  }

  /**
   * @param {ManyAct} act
   * @param {DeadLetter} letter
   */
  async #actOnOne(act, letter) {
    if (await confirm(questions[act](letter)) === undefined) return;
    await this.#act(() => actOnOne(act, letter.message_id), (done) => {
      if ("replayed" in done ? done.replayed > 0 : true) this.#letters.remove(letter);
      return describeDone(done);
    });
  }

  /**
   * @param {DeadLetter} letter
   * @param {"saved" | "replayed"} act
   * @param {string} said
   */
  async #edited(letter, act, said) {
    if (act === "replayed") this.#letters.remove(letter);
    await this.#act(async () => {
      if (act === "saved") await this.#letters.refresh(letter);
    }, () => said);
  }

  /**
   * @param {ManyAct} act
   * @param {URLSearchParams} filter
   * @param {string} words
   */
  async #actOnMany(act, filter, words) {
    try {
      const result = await actOnFilter(act, filter, words);
      if (!result) return;
      this.#done = result.said;
      if (result.job) await this.#jobs.reveal();
      await this.#load({ anew: true });
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {CauseGroup} group */
  async #take({ group, reason, letters }) {
    const note = await confirm({
      title: "Take this group?",
      text:
        `You look after its ${letters} dead letters (${reason}): they no longer turn the headline, until more come.`,
      yes: "Take",
      note: "Note, such as a ticket",
    });
    if (note !== undefined) await this.#act(() => takeGroup(group, note), () => "Taken.");
  }

  /**
   * @template T
   * @param {() => Promise<T>} act
   * @param {(result: T) => string} say
   */
  async #act(act, say) {
    this.#say("Working…");
    try {
      this.#done = say(await act());
    } catch (error) {
      return this.#refused(error);
    }
    await this.#load();
  }
}
