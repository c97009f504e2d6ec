/** The newest jobs: their acts, their progress, and the outcomes of their letters. */
import { byId, setTextOf } from "../dom.js";
import { leadJob, listJobs, Refusal, showJob } from "./api.js";
import { confirm } from "./confirm.js";
import { fillJobRow, makeJobRow } from "./job_row.js";

/** @typedef {import("./answers.ts").Job} Job */

const [shownJobs, busyMs, idleMs, outcomeMs] = [10, 2_000, 15_000, 60_000];

export class Jobs {
  /** @type {Map<string, ReturnType<typeof makeJobRow>>} */
  #rows = new Map();
  /** Jobs with the outcomes of their letters, as far as these are known. @type {Map<string, Job>} */
  #outcomes = new Map();
  /** @type {Map<string, Job["state"]>} */
  #states = new Map();
  /** @type {Map<string, number>} */
  #rates = new Map();
  #loading = Promise.resolve();
  #loadedAt = -Infinity;
  #now = 0;
  #on;

  /**
   * @param {object} on
   * @param {(error: unknown) => void} on.refused
   * @param {() => void} on.ended called when a job has ended, so that letters have another status
   */
  constructor(on) {
    this.#on = on;
  }

  /** @param {number} now the subscriber's time, ms since 1970 */
  tick(now) {
    this.#now = now;
    const busy = Array.from(this.#states.values()).includes("running") || /** @type {HTMLDetailsElement} */
      (byId("jobs")).open;
    if (!document.hidden && performance.now() - this.#loadedAt > (busy ? busyMs : idleMs)) this.load();
  }

  /** Shows a job that was ordered on this page. */
  reveal() {
    /** @type {HTMLDetailsElement} */ (byId("jobs")).open = true;
    return this.load();
  }

  load() {
    this.#loadedAt = performance.now();
    this.#loading = this.#loading.catch(() => {}).then(() => this.#loadNow());
    return this.#loading;
  }

  async #loadNow() {
    try {
      const jobs = (await listJobs()).jobs.slice(0, shownJobs);
      await Promise.all(
        jobs.filter((job) => this.#isOpen(job)).map(async ({ id }) => {
          this.#outcomes.set(id, await showJob(id));
        }),
      );
      this.#draw(jobs);
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) byId("jobs").hidden = true;
      // Without an answer, the headline says that the connection is lost.
      else if (!(error instanceof Refusal && error.status === 0)) this.#on.refused(error);
    }
  }

  /** Whether to ask for the outcomes of the job's letters: they arrive for a while after its end. @param {Job} job */
  #isOpen({ id, act, state, finished_at }) {
    if (act !== "replay") return false;
    const ended = Date.parse(finished_at ?? "");
    return !this.#outcomes.has(id) || state === "running" || this.#now - ended < outcomeMs;
  }

  /** @param {readonly Job[]} jobs */
  #draw(jobs) {
    byId("jobs").hidden = jobs.length === 0;
    const running = jobs.filter(({ state }) => state === "running").length;
    const halted = jobs.filter(({ state }) => state === "stopped" || state === "paused").length;
    const words = [...(running ? [`${running} running`] : []), ...(halted ? [`${halted} paused or stopped`] : [])];
    setTextOf("jobs-summary", `Jobs: ${words.join(", ") || `${jobs.length} recent`}`);
    const kept = new Set(jobs.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (kept.has(id)) continue;
      row.item.remove();
      this.#rows.delete(id);
      this.#outcomes.delete(id);
      this.#states.delete(id);
      this.#rates.delete(id);
    }
    let place = byId("jobs-list").firstElementChild;
    let ended = false;
    for (const job of jobs) {
      const row = this.#rows.get(job.id) ?? makeJobRow((word) => this.#lead(job.id, word));
      this.#rows.set(job.id, row);
      fillJobRow(row, { ...this.#outcomes.get(job.id), ...job });
      if (row.item === place) place = place.nextElementSibling;
      else byId("jobs-list").insertBefore(row.item, place);
      ended ||= this.#states.get(job.id) === "running" && job.state !== "running";
      this.#states.set(job.id, job.state);
      this.#rates.set(job.id, job.rate);
    }
    if (ended) this.#on.ended();
  }

  /**
   * @param {string} id
   * @param {"pause" | "resume" | "cancel" | "rate"} word
   */
  async #lead(id, word) {
    const question = word === "cancel" ? cancelQuestion : word === "rate" ? this.#rateQuestion(id) : undefined;
    const answer = question && await confirm(question);
    if (question && answer === undefined) return;
    try {
      await leadJob(id, word, word === "rate" ? { rate: (answer ?? "").replaceAll(",", "") } : {});
    } catch (error) {
      this.#on.refused(error);
    }
    await this.load();
  }

  /** @param {string} id */
  #rateQuestion(id) {
    return {
      title: "Change the rate?",
      text: "The job speeds up to this rate step by step. A high rate slows down new events.",
      yes: "Set the rate",
      note: "Letters per second (1 to 1,000,000)",
      number: this.#rates.get(id) ?? 1,
    };
  }
}

const cancelQuestion = {
  title: "Cancel this job?",
  text: "The letters that are done stay done. The others do not change.",
  yes: "Cancel the job",
  danger: true,
};
