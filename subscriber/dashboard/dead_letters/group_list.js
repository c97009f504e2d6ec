/** Dead letters by cause, most letters first. Each group is a row that opens to its letters. */
import { byId, element, setText, setTextOf } from "../dom.js";
import { count, dateTime, plural } from "../format.js";

/** @typedef {import("./answers.ts").CauseGroup} CauseGroup */
/** @typedef {ReturnType<typeof makeRow>} Row */

/** Labels that continue with the number of letters, which distinguishes them from the buttons for all letters. */
const manyActs = { replay: "Replay", drop: "Drop", undo: "Undo" };
const [shownFirst, shownMore] = [10, 50];

export class GroupList {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {readonly CauseGroup[]} */
  #groups = [];
  #shown = shownFirst;
  #on;

  /**
   * @param {object} on
   * @param {(group: CauseGroup, place: HTMLElement) => void} on.open
   * @param {(group: CauseGroup) => void} on.close
   * @param {(act: "replay" | "drop" | "undo", group: CauseGroup) => void} on.act
   * @param {(group: CauseGroup) => void} on.take
   * @param {(group: CauseGroup) => void} on.leave
   */
  constructor(on) {
    this.#on = on;
    byId("groups-more").addEventListener("click", () => {
      const first = this.#shown;
      this.#shown += shownMore;
      this.draw(this.#groups);
      byId("groups").children[first]?.querySelector("summary")?.focus();
    });
  }

  /** The open group. */
  get opened() {
    return Array.from(this.#rows.values()).find(({ details }) => details.open)?.group;
  }

  /** Reloads the letters of the open group. */
  reopen() {
    for (const { details, group, place } of this.#rows.values()) if (details.open) this.#on.open(group, place);
  }

  /**
   * Existing rows stay, open or closed as they are.
   * @param {readonly CauseGroup[]} groups
   */
  draw(groups) {
    this.#groups = groups;
    const focused = document.activeElement;
    const shown = groups.slice(0, this.#shown);
    const kept = new Set(shown.map(({ group }) => group));
    for (const [key, row] of this.#rows) {
      if (kept.has(key)) continue;
      if (row.details.open) this.#on.close(row.group);
      row.item.remove();
      this.#rows.delete(key);
    }
    let place = byId("groups").firstElementChild;
    for (const group of shown) {
      const row = this.#rows.get(group.group) ?? makeRow(group, this.#on);
      this.#rows.set(group.group, row);
      fill(row, group);
      if (row.item === place) place = place.nextElementSibling;
      else byId("groups").insertBefore(row.item, place);
    }
    byId("groups-more").hidden = groups.length <= this.#shown;
    setTextOf("groups-more", `Show ${plural(Math.max(0, groups.length - this.#shown), "more cause")}`);
    if (focused && focused !== document.body && !focused.isConnected) byId("letters-title").focus();
  }
}

/**
 * @param {CauseGroup} group
 * @param {ConstructorParameters<typeof GroupList>[0]} on
 */
function makeRow(group, on) {
  const parts = {
    number: element("strong", { class: "number" }),
    reason: element("span", { class: "tag", "data-tone": "bad" }),
    cause: element("span", { class: "detail" }),
    times: element("span", { class: "times" }),
    taken: element("span", { class: "tag taken" }),
    sample: element("p", { class: "note" }),
    heals: element("p", { class: "heals" }, healsWords),
  };
  const button = (/** @type {string} */ act, /** @type {string} */ words, kind = "") =>
    element("button", { type: "button", "data-act": act, class: kind }, words);
  const buttons = {
    replay: button("replay", ""),
    drop: button("drop", "", "danger"),
    undo: button("undo", ""),
    take: button("take", "Take"),
    leave: button("leave", "Leave"),
  };
  const place = element("div");
  const details = element(
    "details",
    // The browser closes the open group when another one opens.
    { name: "dead-letter-group" },
    element("summary", {}, parts.number, parts.reason, parts.cause, parts.taken, parts.times),
    parts.heals,
    parts.sample,
    element("p", { class: "act buttons" }, ...Object.values(buttons)),
    place,
  );
  const row = { group, item: element("li", {}, details), details, place, parts, buttons };
  details.addEventListener("toggle", () => details.open ? on.open(row.group, place) : on.close(row.group));
  for (const act of /** @type {const} */ (["replay", "drop", "undo"])) {
    buttons[act].addEventListener("click", () => on.act(act, row.group));
  }
  buttons.take.addEventListener("click", () => on.take(row.group));
  buttons.leave.addEventListener("click", () => on.leave(row.group));
  return row;
}

/**
 * @param {Row} row
 * @param {CauseGroup} group
 */
function fill(row, group) {
  const { reason, cause, letters, first_at, last_at, sample, taken } = group;
  row.group = group;
  setText(row.parts.number, count(letters));
  setText(row.parts.reason, reason);
  row.parts.heals.hidden = reason !== "rates-timeout";
  setText(row.parts.cause, cause || "no detail");
  setText(row.parts.times, timesOf(first_at, last_at));
  setText(row.parts.taken, taken ? takenWords(taken) : "");
  row.parts.reason.dataset["tone"] = taken && taken.more === 0 ? "" : "bad";
  setText(row.parts.sample, sample.detail && sample.detail !== cause ? `Newest: ${sample.detail}` : "");
  for (const [act, words] of Object.entries(manyActs)) {
    setText(row.buttons[/** @type {keyof typeof manyActs} */ (act)], `${words} ${count(letters)}`);
  }
  row.buttons.leave.hidden = !taken;
}

/** Describes subscriber/dead_letters/heal.ts. */
const healsWords =
  "No action needed: replayed automatically once rates are fresh for 15 s, at most 3 times per letter.";

/** @param {import("./answers.ts").Taken} taken */
function takenWords({ by, note, more }) {
  return `taken by ${by}${note && `, ${note}`}${more > 0 ? `; ${count(more)} new since` : ""}`;
}

/**
 * Gives the day once when both times are on the same day.
 * @param {string | null} first
 * @param {string | null} last
 */
function timesOf(first, last) {
  const [from, to] = [dateTime(first), dateTime(last)];
  if (from === to) return to;
  const sameDay = from.slice(0, 10) === to.slice(0, 10);
  return `${from.replace(" UTC", "")} – ${sameDay ? to.slice(11) : to}`;
}
