/** One dead letter: its cause in one line, and everything when it is opened. */
import { element } from "../dom.js";
import { dateTime, plural } from "../format.js";

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
  return element(
    "li",
    {},
    element(
      "details",
      {},
      element(
        "summary",
        {},
        element("time", last_failed_at ? { datetime: last_failed_at } : {}, dateTime(last_failed_at)),
        ...(status === "dead" ? [] : [element("span", { class: "tag" }, status)]),
        ...(edited ? [element("span", { class: "tag" }, "edited")] : []),
        element("span", { class: "detail" }, detail || "without a detail"),
        element("span", { class: "times" }, eventWords(edited?.event ?? event)),
      ),
      element("dl", { class: "pairs" }, ...pairs(letter)),
      ...body(letter),
      element("p", { class: "buttons" }, ...acts, button("find", "Where is it?", "")),
    ),
  );
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
    ["Given up by", subscriber ?? "the broker"],
    ["Tried", `${plural(attempts, "time")}, replayed ${plural(replays, "time")}`],
    ...(acted_by ? [["Acted on", `${dateTime(acted_at)}, by ${acted_by}`]] : []),
    ...(letter.stored_at ? [["Stored", `${dateTime(letter.stored_at)}, by ${letter.stored_by}`]] : []),
  ];
  return facts.flatMap(([name = "", value = ""]) => [element("dt", {}, name), element("dd", {}, value)]);
}

/** @param {DeadLetter} letter */
function body({ event, edited, detail, body_problem, body_base64, body_bytes }) {
  const after = edited
    ? [
      element("h3", {}, `As edited by ${edited.by}, ${dateTime(edited.at)}`),
      element("pre", {}, eventText(edited.event)),
    ]
    : [];
  if (event) return [element("h3", {}, "The event"), element("pre", {}, eventText(event)), ...after];
  return [
    element("h3", {}, "The body"),
    ...(body_problem === detail ? [] : [element("p", {}, body_problem ?? "It holds no valid event.")]),
    element("pre", {}, body_base64 ? hex(body_base64, body_bytes) : "It is empty."),
    ...after,
  ];
}

/** Returns a line for each field, without the braces. @param {import("./answers.ts").EventJson} event */
export function eventText(event) {
  return JSON.stringify(event, null, 1).replace(/^\{\n|\n\}$/g, "").replaceAll(/^ /gm, "");
}

/** Returns the first 256 bytes in hexadecimal. @param {string} base64 @param {number} length of the whole body */
function hex(base64, length) {
  const bytes = Array.from(atob(base64), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0"));
  return bytes.slice(0, 256).join(" ") + (length > 256 ? ` … (${length} bytes)` : "");
}
