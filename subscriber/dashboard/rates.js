/** The cached rates: their age, the subscriber that may fetch new ones, and the rates themselves. */
import { byId, element, setTextOf } from "./dom.js";
import { dateTime, duration, plural } from "./format.js";

/** @typedef {import("./answers.ts").Rates} Rates */

const words = { fresh: "fresh", stale: "stale", none: "none", unknown: "unknown" };

/** The longest freshness seen, in ms, which fills the bar. */
let fullMs = 1;
let shownTable = "";

/** @param {Rates} rates */
export function drawRates(rates) {
  const { state, fresh_ms, per_eur } = rates;
  setTextOf("rates-state", words[state] ?? state);
  byId("rates-state").dataset["tone"] = state === "fresh" ? "good" : state === "none" ? "" : "bad";
  setTextOf("rates-sentence", describeRates(rates));
  setTextOf("rates-lock", describeLock(rates));
  const leftMs = Math.max(0, fresh_ms ?? 0);
  fullMs = Math.max(fullMs, leftMs);
  byId("rates-life").style.width = `${100 * leftMs / fullMs}%`;
  drawTable(per_eur);
}

/** @param {Rates} rates */
function describeRates({ state, as_of, age_ms, fresh_ms, alone, problem }) {
  if (problem) return problem;
  if (state === "unknown") return "Unknown: Redis does not answer.";
  if (state === "none") return "None cached. The next event that needs rates fetches them.";
  const left = state === "fresh" ? `Fresh for another ${duration(fresh_ms)}.` : "Expired.";
  const own = alone ? " Redis shares none, so this subscriber fetched its own." : "";
  return `${left} As of ${dateTime(as_of)}, ${duration(age_ms)} ago.${own}`;
}

/** @param {Rates} rates */
function describeLock({ lock, calls }) {
  const left = lock.ttl_ms === null ? "" : ` for another ${duration(lock.ttl_ms)}`;
  const called = `${plural(calls, "call")} to the rates API by this subscriber.`;
  if (lock.state === "held") return `Lock held${lock.holder === null ? "" : ` by ${lock.holder}`}${left}. ${called}`;
  if (lock.state === "paused") return `Calls pause${left} after a failed one. ${called}`;
  if (lock.state === "unknown") return called;
  return `Lock free. ${called}`;
}

/** @param {Record<string, string>} perEur */
function drawTable(perEur) {
  const entries = Object.entries(perEur).sort(([a], [b]) => a < b ? -1 : 1);
  const text = JSON.stringify(entries);
  if (text === shownTable) return;
  shownTable = text;
  setTextOf("rates-summary", `Current rates (${entries.length})`);
  byId("rates").replaceChildren(
    ...entries.map(([currency, value]) =>
      element("tr", {}, element("th", { scope: "row" }, currency), element("td", {}, value))
    ),
  );
  filter();
}

function filter() {
  const wanted = /** @type {HTMLInputElement} */ (byId("rates-filter")).value.trim().toUpperCase();
  for (const row of byId("rates").children) {
    /** @type {HTMLElement} */ (row).hidden = !row.firstElementChild?.textContent?.startsWith(wanted);
  }
}

byId("rates-filter").addEventListener("input", filter);
