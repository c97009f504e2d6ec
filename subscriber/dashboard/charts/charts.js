/** The four charts, each of the last day or of the last five minutes. */
import { LiveChart } from "./chart.js";
import { daySeconds } from "./day.js";
import { byId, setTextOf } from "../dom.js";
import { compact, count, duration, plural, rate, shortDuration } from "../format.js";

export const historyNames = ["throughput", "queue", "oldest", "p50", "p99"];

const [leastMs, mostMs] = [60_000, 5 * 60_000];

/** @type {LiveChart[] | undefined} */
let charts;

/** @type {import("./chart.js").Series} */
const yesterday = { name: "yesterday", label: "yesterday", color: "yesterday", optional: true };

/**
 * @param {import("./history.js").History} history
 * @param {import("./day.js").Day | undefined} day shown in place of the last minutes
 * @param {import("../answers.ts").Overview} overview
 */
export function drawCharts(history, day, overview) {
  drawFigures(overview);
  charts ??= makeCharts();
  const now = Date.now();
  const spanMs = Math.min(mostMs, Math.max(leastMs, now - history.firstMs));
  for (const chart of charts) {
    const names = chart.names.filter((name) => name !== yesterday.name);
    if (day) chart.draw(day.columns(names), day.end, daySeconds);
    else {
      const data = history.since(now - spanMs, names);
      data.push(data[0].map(() => null));
      chart.draw(data, now / 1_000, Math.round(spanMs / 1_000));
    }
  }
}

function makeCharts() {
  return [
    new LiveChart(byId("throughput-chart"), {
      title: "Events stored per second",
      series: [{ name: "throughput", label: "", color: "1" }, yesterday],
      format: rate,
      axis: compact,
      least: 10,
    }),
    new LiveChart(byId("queue-chart"), {
      title: "Events waiting in the queue",
      series: [{ name: "queue", label: "", color: "1" }, yesterday],
      format: count,
      axis: compact,
      least: 10,
    }),
    new LiveChart(byId("oldest-chart"), {
      title: "Age of the oldest event in hand",
      series: [{ name: "oldest", label: "", color: "1" }, yesterday],
      format: duration,
      axis: shortDuration,
      least: 100,
    }),
    new LiveChart(byId("latency-chart"), {
      title: "Time from publish to commit",
      series: [
        { name: "p50", label: "p50", color: "1" },
        { name: "p99", label: "p99", color: "2" },
        { ...yesterday, label: "p99 yesterday" },
      ],
      format: duration,
      axis: shortDuration,
      least: 10,
    }),
  ];
}

/** @param {import("../answers.ts").Overview} overview */
function drawFigures({ events_last_second, materialized, queue, catch_up, latency_ms }) {
  setTextOf("throughput", count(events_last_second));
  setTextOf(
    "throughput-note",
    materialized
      ? `${rate(materialized.events_per_second_moving_average)}/s over the last minute`
      : "Postgres does not answer",
  );
  setTextOf("queue", count(queue?.messages));
  setTextOf("queue-note", queue ? queueNote(queue) + catchUpWords(catch_up) : "the broker does not answer");
  setTextOf("oldest", duration(queue?.oldest_ms));
  setTextOf("oldest-note", queue ? ageNote(queue) : "the broker does not answer");
  setTextOf("latency-p50", duration(latency_ms?.p50));
  setTextOf("latency-p99", duration(latency_ms?.p99));
  setTextOf(
    "latency-note",
    latency_ms ? `${plural(latency_ms.events, "event")} in 10 s, publish to commit` : "no events in the last 10 s",
  );
}

/** @param {number} number */
function consumers(number) {
  return number === 0 ? "no consumers: start a subscriber" : plural(number, "consumer");
}

/** @param {import("../answers.ts").Queue} queue */
function queueNote({ consumers: number, unacknowledged }) {
  const inHand = unacknowledged === null ? "number in hand unknown" : `${count(unacknowledged)} more in hand`;
  return `${inHand}; ${consumers(number)}`;
}

/**
 * Returns an empty text while the queue is empty or nearly empty, or when its growth is not known.
 * @param {import("../answers.ts").CatchUp} catchUp
 */
export function catchUpWords({ state, seconds, in_per_second, out_per_second }) {
  if (state === "catching-up") return `; empty in ${duration(1_000 * (seconds ?? 0))} at this pace`;
  if (state !== "never") return "";
  return `; not shrinking: ${count(in_per_second)}/s arrive, ${count(out_per_second)}/s are stored`;
}

/** @param {import("../answers.ts").Queue} queue */
function ageNote({ unacknowledged, oldest_ms }) {
  if (oldest_ms === null) return "unknown";
  if (unacknowledged === 0) return "no events in hand";
  const inHand = unacknowledged === null ? "number in hand unknown" : `${plural(unacknowledged, "event")} in hand`;
  return `since publish; ${inHand}`;
}
