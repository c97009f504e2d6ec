/**
 * Polls every subscriber's dashboard, as an open browser does. A running subscriber must answer, and correctly,
 * whatever else is broken.
 */
import { isDeepStrictEqual } from "node:util";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { untilAnswered } from "../harness/http.ts";
import { type Peace, peaceOf, peaceOfStatus, rightPeace, rightPeaceOfStatus } from "./peace.ts";
import { figureIn, liesOf, liesOfStatus, type Told } from "./told.ts";
import type { TruthReader } from "./truth.ts";
import type { Workers } from "./workers.ts";

const everyMs = 500;
/**
 * On a busy machine, or while a subscriber is paused, a missing answer is not an error here. After recovery every
 * subscriber must answer, because the campaign compares their answers.
 */
const timeoutMs = 6_000;
/** A slower answer may be older than the true state that it is compared with. */
const promptMs = 2_000;
/** Within this time after a change, a page shows the new state. */
const settlesMs = 2_000;

export function watch(workers: Workers, truth: TruthReader) {
  const stop = new AbortController();
  const problems = new Set<string>();
  const lies: string[] = [];
  let compared = 0;

  /** Returns `undefined` when the subscriber does not answer. */
  async function ask(url: string): Promise<Told | undefined> {
    const begun = clock.monotonic();
    const texts: string[] = [];
    for (const path of ["/health/live", "/overview", "/health/ready", "/metrics"]) {
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)]);
      let response;
      try {
        response = await fetch(url + path, { signal });
        const text = await response.text();
        // The subscriber was paused, so its 504 is correct.
        if (response.status === 504 && workers.hasPaused(url, begun)) return undefined;
        if (!response.ok && path !== "/health/ready") problems.add(`GET ${path} gave ${response.status}: ${text}`);
        texts.push(text);
      } catch {
        await response?.body?.cancel().catch(() => {});
        return undefined;
      }
    }
    const [, overview = "", readiness = "", metrics = ""] = texts;
    try {
      const told = { overview: JSON.parse(overview), readiness: JSON.parse(readiness), metrics };
      checkOverview(overview, told.overview);
      return { ...told, who: told.overview.subscriber_id };
    } catch {
      return undefined;
    }
  }

  /** Checks that a sentence names each broken dependency, without a password. */
  function checkOverview(text: string, { dependencies, problems: sentences }: Told["overview"]): void {
    const broken = dependencies.filter(({ ok }: { ok: boolean }) => !ok);
    if (broken.length > sentences.length) problems.add(`the overview names too few problems: ${text}`);
    if (/:\/\/[^*/\s:]*:[^*@\s]+@/.test(text)) problems.add(`the overview shows a password: ${text}`);
  }

  /**
   * Reports a wrong answer only when a second poll repeats it: a page may be 1 s old, and a connection may have just
   * been lost.
   */
  async function look(): Promise<void> {
    if ((await liesNow()).length === 0) return;
    await clock.sleep(settlesMs, stop.signal).catch(() => {});
    if (!stop.signal.aborted) lies.push(...await liesNow());
  }

  /** Compares the answers only with facts that hold both before and after the poll. */
  async function liesNow(): Promise<string[]> {
    const before = await truth.read();
    const begun = clock.monotonic();
    const [answers, status] = await Promise.all([Promise.all(workers.urls.map(ask)), truth.status()]);
    const wasPrompt = clock.monotonic() - begun <= promptMs;
    const after = await truth.read();
    const told = answers.filter((answer) => answer !== undefined);
    if (told.length === 0 || !wasPrompt) return [];
    const so = {
      stalledMs: after.stalledMs > before.stalledMs ? before.stalledMs : 0,
      refused: before.refused.filter((name) => after.refused.includes(name)),
    };
    const holding = told.filter(({ who, metrics }) =>
      so.refused.includes(who) && figureIn(metrics, "casino_unsettled_deliveries") > 0
    ).map(({ who }) => who);
    compared++;
    return [...told.flatMap((answer) => liesOf(answer, so, holding)), ...liesOfStatus(status, so, holding)];
  }

  const watching = (async () => {
    while (!stop.signal.aborted) {
      await look();
      await clock.sleep(everyMs, stop.signal).catch(() => {});
    }
  })();
  return {
    /** After recovery, compares every figure of each subscriber and of the status. */
    async comparePeace(peace: Peace): Promise<void> {
      const found = await Promise.all([
        ...workers.urls.map((url) =>
          compare(`${url} tells`, async () => peaceOf((await ask(url))!), rightPeace(peace))
        ),
        compare("status tells", async () => peaceOfStatus(await truth.status()), rightPeaceOfStatus(peace)),
      ]);
      lies.push(...found.flat());
    },
    /** @returns answers with errors, and answers that contradict the true state */
    async end(): Promise<{ problems: string[]; lies: string[] }> {
      stop.abort();
      await watching;
      await truth.close();
      if (compared === 0) problems.add("no subscriber answered over HTTP");
      return { problems: [...problems], lies };
    },
  };
}

async function compare<T>(what: string, ask: () => Promise<T>, right: T): Promise<string[]> {
  return await untilAnswered(ask, (told) => isDeepStrictEqual(told, right), `${what} ${JSON.stringify(right)}`)
    .then(() => [], (error) => [messageOf(error)]);
}
