/** A letter's body as text: its event, or its bytes when they hold no event. */
import { element } from "../dom.js";

/** @param {import("./answers.ts").DeadLetter} letter */
export function bodyOf({ event, detail, body_problem, body_base64, body_bytes }) {
  if (event) return [element("pre", {}, eventText(event))];
  return [
    ...(body_problem === detail ? [] : [element("p", {}, body_problem ?? "Not a valid event.")]),
    element("pre", {}, body_base64 ? hex(body_base64, body_bytes) : "Empty body."),
  ];
}

/** A line for each field, without the braces. @param {import("./answers.ts").EventJson} event */
export function eventText(event) {
  return JSON.stringify(event, null, 1).replace(/^\{\n|\n\}$/g, "").replaceAll(/^ /gm, "");
}

/** The first 256 bytes. @param {string} base64 @param {number} length of all */
function hex(base64, length) {
  const bytes = Array.from(atob(base64), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0"));
  return bytes.slice(0, 256).join(" ") + (length > 256 ? ` … (${length} bytes)` : "");
}

/** The value of one field. @param {unknown} value */
export function shown(value) {
  return value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value);
}
