/** One dead letter: its cause in one line, and everything when it is opened. */
import { element } from "../dom.js";
import { count, dateTime, plural } from "../format.js";
import { bodyOf, eventText } from "./body.js";
import { showLineage } from "./lineage_list.js";

/** @typedef {import("./answers.ts").DeadLetter} DeadLetter */
/** @typedef {Record<"find" | "replay" | "edit" | "drop" | "undo", (letter: DeadLetter) => void>} OnLetter */

/**
 * @param {DeadLetter} letter
 * @param {OnLetter} on
 */
export function letterRow(letter, on) {
  const { detail, last_failed_at, status, event, edited } = letter;
  const button = (/** @type {keyof OnLetter} */ act, /** @type {string} */ words, kind = "act") => {
    const made = element("button", { type: "button", class: kind }, words);
    made.addEventListener("click", () => on[act](letter));
    return made;
  };
  /** @type {HTMLButtonElement[]} */
  const acts = status === "dead"
    ? [button("replay", "Replay"), button("edit", "Edit"), button("drop", "Drop", "act danger")]
    : status === "dropped"
    ? [button("undo", "Undo")]
    : [];
  const lineage = element("div", { class: "lineage" });
  const details = element(
    "details",
    {},
    element(
      "summary",
      {},
      element("time", last_failed_at ? { datetime: last_failed_at } : {}, dateTime(last_failed_at)),
      ...(status === "dead" ? [] : [element("span", { class: "tag" }, status)]),
      ...(edited ? [element("span", { class: "tag" }, "edited")] : []),
      element("span", { class: "detail" }, detail || "no detail"),
      element("span", { class: "times" }, eventWords(edited?.event ?? event)),
    ),
    element("dl", { class: "pairs" }, ...pairs(letter)),
    element("div", { class: "bodies" }, ...bodies(letter)),
    element("p", { class: "buttons" }, ...acts, button("find", "Find", "")),
    // Below the buttons, so that they do not move when it arrives.
    lineage,
  );
  details.addEventListener("toggle", () => details.open && showLineage(lineage, letter));
  return element("li", {}, details);
}

/** Often the only difference between letters of one cause. @param {import("./answers.ts").EventJson | null} event */
function eventWords(event) {
  return event ? `${event["type"]} ${event["id"]}, player ${event["player_id"]}` : "";
}

/** @param {DeadLetter} letter */
function pairs(letter) {
  const { message_id, sent_id, subscriber, first_failed_at, attempts, replays, acted_by, acted_at } = letter;
  const facts = [
    ["Message id", message_id],
    ...(sent_id === null ? [] : [["Sent as", sent_id]]),
    ["First failed", dateTime(first_failed_at)],
    ["Dead-lettered by", subscriber ?? "the broker"],
    ["Attempts", `${count(attempts)}, after ${plural(replays, "replay")}`],
    ...(acted_by ? [["Last action", `${dateTime(acted_at)}, by ${acted_by}`]] : []),
    ...(letter.stored_at ? [["Stored", `${dateTime(letter.stored_at)}, by ${letter.stored_by}`]] : []),
  ];
  return facts.flatMap(([name = "", value = ""]) => [element("dt", {}, name), element("dd", {}, value)]);
}

/** Shows the last edit too, because a replay publishes it. @param {DeadLetter} letter */
function bodies(letter) {
  const { edited, event } = letter;
  return [
    element("div", {}, element("h3", {}, event ? "Event" : "Body"), ...bodyOf(letter)),
    ...(edited
      ? [element(
        "div",
        {},
        element("h3", {}, `Edited by ${edited.by}, ${dateTime(edited.at)}`),
        element("pre", {}, eventText(edited.event)),
      )]
      : []),
  ];
}
