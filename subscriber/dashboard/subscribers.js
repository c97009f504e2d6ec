/** The list of all subscribers, in the order of the answer: stuck ones first. */
import { byId, element, setText, setTextOf } from "./dom.js";
import { clock, count, duration, plural, rate, unknown } from "./format.js";

/** @typedef {import("./subscriber_answer.ts").SubscriberAnswer} SubscriberAnswer */

/** The word for each state, and its tone. */
const states = {
  working: ["working", "good"],
  holding: ["holding", "bad"],
  silent: ["silent", "bad"],
  connecting: ["connecting", ""],
  leaving: ["leaving", ""],
};

/** @param {import("./answers.ts").Overview} overview */
export function drawSubscribers({ subscribers, queue, at, subscriber_id, events_per_minute_by_subscriber: stored }) {
  const rows = byId("subscribers");
  while (rows.children.length > subscribers.length) rows.lastElementChild?.remove();
  subscribers.forEach((subscriber, n) => {
    const row = rows.children[n] ?? rows.appendChild(newRow());
    const perSecond = stored && (stored[subscriber.id] ?? 0) / 60;
    drawRow(/** @type {HTMLElement} */ (row), subscriber, { at, perSecond, own: subscriber.id === subscriber_id });
  });
  setTextOf("subscribers-note", noteOf(queue, subscribers));
}

function newRow() {
  const state = element("td", {}, element("span", { class: "tag" }));
  const error = element("td", { class: "error" });
  return element("tr", {}, element("th", { scope: "row" }), state, ...cells(5), error);
}

/** @param {number} number */
function cells(number) {
  return Array.from({ length: number }, () => element("td"));
}

/**
 * @param {HTMLElement} row
 * @param {SubscriberAnswer} subscriber
 * @param {{ at: string, perSecond: number | null, own: boolean }} seen
 */
function drawRow(row, subscriber, { at, perSecond, own }) {
  const { id, version, state, since, events, oldest_ms, last_error, last_error_at } = subscriber;
  const [name, stateCell, since_, inHand, stored, oldest, version_, error] = Array.from(row.children);
  const tag = /** @type {HTMLElement | null | undefined} */ (stateCell?.firstElementChild);
  if (!name || !tag || !since_ || !inHand || !stored || !oldest || !version_ || !error) return;
  const [word = state, tone = ""] = states[state] ?? [];
  setText(name, own ? `${id} (this one)` : id);
  setText(tag, word);
  tag.dataset["tone"] = tone;
  setText(since_, duration(Math.max(1_000, Date.parse(at) - Date.parse(since))));
  setText(inHand, count(events));
  setText(stored, rate(perSecond));
  setText(version_, version);
  setText(oldest, events === 0 ? unknown : duration(oldest_ms));
  setText(error, last_error === null ? "" : `${clock(last_error_at)} UTC: ${last_error}`);
}

/**
 * @param {import("./answers.ts").Queue | null} queue
 * @param {readonly SubscriberAnswer[]} subscribers
 */
function noteOf(queue, subscribers) {
  if (!queue) return "Number unknown: RabbitMQ does not answer.";
  if (queue.unacknowledged === null) {
    return `${plural(queue.consumers, "consumer")} in RabbitMQ; not all of them report.`;
  }
  return `${plural(subscribers.length, "subscriber")}, ${plural(queue.unacknowledged, "event")} in hand.`;
}
