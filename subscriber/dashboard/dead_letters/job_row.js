/** One job in the list. */
import { element, setText } from "../dom.js";
import { count, dateTime, plural } from "../format.js";

/** @typedef {import("./answers.ts").Job} Job */
/** @typedef {ReturnType<typeof makeJobRow>} JobRow */

const titles = { replay: "Replay", drop: "Drop", undo: "Undo", edit: "Edit" };
/** @type {Record<Job["state"], string>} */
const tones = { running: "", paused: "", stopped: "bad", cancelled: "", done: "good" };
/** @type {Record<string, string>} */
const names = {
  ...{ reasons: "reason", groups: "group", ids: "id", text: "text", playerId: "player", eventId: "event" },
  ...{ sinceMs: "since", untilMs: "until", replaysBelow: "replayed less than" },
};

/** @param {(word: "pause" | "resume" | "cancel" | "rate") => void} onLead */
export function makeJobRow(onLead) {
  const button = (/** @type {"pause" | "resume" | "cancel" | "rate"} */ word, /** @type {string} */ label) => {
    const made = element("button", { type: "button" }, label);
    made.addEventListener("click", () => onLead(word));
    return made;
  };
  const parts = {
    title: element("strong"),
    state: element("span", { class: "tag" }),
    progress: element("progress"),
    figures: element("p"),
    problem: element("p", { class: "problem" }),
    deaths: element("ul", { class: "deaths" }),
    order: element("p", { class: "note" }),
  };
  const buttons = {
    pause: button("pause", "Pause"),
    resume: button("resume", "Resume"),
    rate: button("rate", "Change rate"),
    cancel: button("cancel", "Cancel"),
  };
  const acts = element("p", { class: "act buttons" }, ...Object.values(buttons));
  const head = element("p", { class: "job-head", tabindex: "-1" }, parts.title, parts.state);
  const { progress, figures, problem, deaths, order } = parts;
  const item = element("li", {}, head, progress, figures, problem, deaths, order, acts);
  return { item, head, parts, buttons, acts };
}

/**
 * @param {JobRow} row
 * @param {Job} job
 */
export function fillJobRow({ head, parts, buttons, acts }, job) {
  const { act, state, total, done, refused, failed } = job;
  const title = `${titles[act]} of ${plural(total, "letter")}`;
  setText(parts.title, title);
  setText(parts.state, state);
  parts.state.dataset["tone"] = tones[state];
  parts.progress.max = Math.max(1, total);
  parts.progress.value = total === 0 ? 1 : done + refused + failed;
  parts.progress.setAttribute("aria-label", title);
  parts.progress.hidden = state === "done" || state === "cancelled";
  setText(parts.figures, figuresOf(job));
  setText(parts.problem, job.problem ?? "");
  const deaths = (job.deaths ?? []).slice(0, 3).map(({ message_id, reason, detail }) =>
    `${message_id}: ${reason}: ${detail}`
  );
  if (Array.from(parts.deaths.children, ({ textContent }) => textContent).join("\n") !== deaths.join("\n")) {
    parts.deaths.replaceChildren(...deaths.map((death) => element("li", {}, death)));
  }
  setText(
    parts.order,
    `${rateWords(job)}${describeFilter(job.filter)}; by ${job.created_by}, ${dateTime(job.created_at)}`,
  );
  const focused = document.activeElement;
  buttons.pause.hidden = state !== "running";
  buttons.resume.hidden = state !== "paused" && state !== "stopped";
  buttons.rate.hidden = state === "done" || state === "cancelled";
  buttons.cancel.hidden = state === "done" || state === "cancelled";
  acts.hidden = buttons.cancel.hidden;
  if (focused instanceof HTMLElement && acts.contains(focused) && (focused.hidden || acts.hidden)) {
    (buttons.resume.hidden ? buttons.pause.hidden ? head : buttons.pause : buttons.resume).focus();
  }
}

/** @param {Job} job */
function figuresOf({ act, done, total, refused, failed, stored, died }) {
  const open = stored === undefined || died === undefined ? 0 : Math.max(0, done - stored - died);
  const parts = [
    `${count(done)} of ${count(total)} done`,
    ...(act === "replay" && stored !== undefined
      ? [`${count(stored)} stored`, `${count(died ?? 0)} failed again`]
      : []),
    ...(open > 0 ? [`${count(open)} pending`] : []),
    ...(refused > 0 ? [`${count(refused)} refused`] : []),
    ...(failed > 0 ? [`${count(failed)} failed`] : []),
  ];
  return parts.join(" · ");
}

/** Empty for a job that has ended: its rate no longer matters. @param {Job} job */
function rateWords({ state, rate }) {
  return state === "done" || state === "cancelled" ? "" : `up to ${plural(rate, "letter")}/s; `;
}

/** @param {Job["filter"]} filter */
function describeFilter(filter) {
  const parts = Object.entries(filter).filter(([name]) => name in names).map(([name, value]) => {
    const shown = /Ms$/.test(name) ? dateTime(Number(value)) : Array.isArray(value) ? value.join(", ") : String(value);
    return `${names[name]} ${shown}`;
  });
  return parts.join(", ") || "all";
}
