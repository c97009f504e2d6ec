/** A dashboard that is open all the time. A subscriber that is up must answer, whatever is broken around it. */
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import type { Workers } from "./workers.ts";

const everyMs = 500;
/**
 * The machine is busy, and a subscriber may be paused: no answer at all is no problem here. Once all is well each of them must
 * answer, because the campaign compares their answers.
 */
const timeoutMs = 6_000;

export function watch(workers: Workers) {
  const stop = new AbortController();
  const problems = new Set<string>();
  let answers = 0;

  async function look(url: string): Promise<void> {
    for (const path of ["/overview", "/health/live", "/metrics"]) {
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)]);
      let response;
      try {
        response = await fetch(url + path, { signal });
        const text = await response.text();
        if (!response.ok) problems.add(`GET ${path} gave ${response.status}: ${text}`);
        else if (path === "/overview") checkOverview(text);
        answers++;
      } catch {
        await response?.body?.cancel().catch(() => {});
      }
    }
  }

  /** Each broken dependency is named in a sentence, without a password. */
  function checkOverview(text: string): void {
    const { dependencies, problems: sentences } = JSON.parse(text);
    const broken = dependencies.filter(({ ok }: { ok: boolean }) => !ok);
    if (broken.length > sentences.length) problems.add(`the overview names too few problems: ${text}`);
    if (/:\/\/[^*/\s:]*:[^*@\s]+@/.test(text)) problems.add(`the overview shows a password: ${text}`);
  }

  const watching = (async () => {
    while (!stop.signal.aborted) {
      await Promise.all(workers.urls.map(look));
      await clock.sleep(everyMs, stop.signal).catch(() => {});
    }
  })();
  return {
    /** @returns answers that should not have been given */
    async end(): Promise<string[]> {
      stop.abort();
      await watching;
      return answers === 0 ? ["no subscriber answered over HTTP"] : [...problems];
    },
  };
}
