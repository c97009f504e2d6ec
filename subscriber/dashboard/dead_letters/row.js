/** One dead letter: why it failed in one line, and all of it when it is opened. */
import { element } from "../dom.js";
import { dateTime, plural } from "../format.js";

/** @typedef {import("../answers.ts").DeadLetter} DeadLetter */

/**
 * @param {DeadLetter} letter
 * @param {Record<"find" | "replay" | "drop", (letter: DeadLetter) => void>} on
 */
export function deadLetterRow(letter, on) {
  const { reason, detail, last_failed_at } = letter;
  const replay = element("button", { type: "button" }, "Replay");
  const drop = element("button", { type: "button", class: "danger" }, "Drop");
  const find = element("button", { type: "button" }, "Where is it?");
  replay.addEventListener("click", () => on.replay(letter));
  drop.addEventListener("click", () => on.drop(letter));
  find.addEventListener("click", () => on.find(letter));
  return element(
    "li",
    {},
    element(
      "details",
      {},
      element(
        "summary",
        {},
        element("span", { class: "tag", "data-tone": "bad" }, reason),
        element("time", last_failed_at ? { datetime: last_failed_at } : {}, dateTime(last_failed_at)),
        element("span", { class: "detail" }, detail || "without a detail"),
      ),
      element("dl", { class: "pairs" }, ...pairs(letter)),
      ...body(letter),
      element("p", { class: "buttons" }, find),
      element("p", { class: "act buttons" }, replay, drop),
    ),
  );
}

/** @param {DeadLetter} letter */
function pairs({ message_id, sent_id, subscriber, first_failed_at, attempts, replays }) {
  const facts = [
    ["Message id", message_id],
    ...(sent_id === null ? [] : [["Sent as", sent_id]]),
    ["First failed", dateTime(first_failed_at)],
    ["Given up by", subscriber ?? "the broker"],
    ["Tried", `${plural(attempts, "time")}, replayed ${plural(replays, "time")}`],
  ];
  return facts.flatMap(([name = "", value = ""]) => [element("dt", {}, name), element("dd", {}, value)]);
}

/** @param {DeadLetter} letter */
function body({ event, detail, body_problem, body_base64, body_bytes }) {
  if (event) {
    return [
      element("h3", {}, "The event"),
      element("pre", {}, JSON.stringify(event, null, 1).replace(/^\{\n|\n\}$/g, "").replaceAll(/^ /gm, "")),
    ];
  }
  return [
    element("h3", {}, "The body"),
    ...(body_problem === detail ? [] : [element("p", {}, body_problem ?? "It holds no valid event.")]),
    element("pre", {}, body_base64 ? hex(body_base64, body_bytes) : "It is empty."),
  ];
}

/** The first 256 bytes. @param {string} base64 @param {number} length of all */
function hex(base64, length) {
  const bytes = Array.from(atob(base64), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0"));
  return bytes.slice(0, 256).join(" ") + (length > 256 ? ` … (${length} bytes)` : "");
}
