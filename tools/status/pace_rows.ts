/** The lag, when it ends, and the last 24 hours. */
import type { CatchUp } from "../../subscriber/dashboard/answers.ts";
import type { SinceLast } from "./progress.ts";
import { duration, grouped, plural, type Row } from "./rows.ts";
import { highest, sparkline } from "./sparkline.ts";
import type { Lag, Part, Totals } from "./status.ts";

export function lagRow({ messages, ready, unacknowledged, seconds, until }: Lag): Row {
  const label = "Lag";
  if (messages === null || ready === null) return { label, text: "unknown", tone: "faint" };
  const where = unacknowledged === null
    ? " ready, number in hand unknown"
    : unacknowledged > 0
    ? `; ${grouped(ready)} ready, ${grouped(unacknowledged)} in hand`
    : "";
  if (messages === 0) return { label, text: `none${where}`, tone: unacknowledged === null ? "attention" : "good" };
  const time = until !== null
    ? `until ${until}`
    : seconds === null
    ? "no event was stored in the last minute"
    : `${duration(seconds * 1000)} at the rate of the last minute`;
  return { label, text: `${plural(messages, "event")}${where}; ${time}`, tone: until === null ? "attention" : "bad" };
}

/** Empty when the lag already names what must happen first. */
export function catchUpRows({ state, seconds, in_per_second, out_per_second }: CatchUp, { until }: Lag): Row[] {
  const label = "Catch-up";
  const pace = `${grouped(in_per_second ?? 0)}/s arrive, ${grouped(out_per_second ?? 0)}/s are stored`;
  if (state === "keeping-up") {
    return [{ label, text: "keeps up: ready events are stored within a second", tone: "good" }];
  }
  if (state === "never" && until === null) return [{ label, text: `never: ${pace}`, tone: "bad" }];
  if (state !== "catching-up") return [];
  return [{ label, text: `in ${duration(1_000 * (seconds ?? 0))}: ${pace}`, tone: "attention" }];
}

export function sinceRows(since: SinceLast | null): Row[] {
  if (!since) return [];
  const { seconds, stored_per_second: stored, queue_per_second: queue } = since;
  const parts = [
    ...(stored === null ? [] : [`${grouped(stored)}/s stored`]),
    ...(queue === null ? [] : [`queue ${queue < 0 ? "shrinks" : "grows"} by ${grouped(Math.abs(queue))}/s`]),
  ];
  return [{ label: "Rate", text: `${parts.join(", ") || "unknown"}, over ${seconds} s`, tone: "plain" }];
}

/** A narrow terminal gets fewer bars, but always the peak. */
export function historyRows(totals: Part<Totals>, room: number): Row[] {
  if (totals.problem !== null || !totals.history) return [];
  const { stored_per_second, ready } = totals.history;
  const row = (label: string, figures: readonly (number | null)[], unit: string): Row[] => {
    const most = highest(figures);
    if (most === null) return [];
    const words = `peak ${grouped(most)}${unit}`;
    const line = sparkline(figures, room - words.length - 1);
    return [{ label, text: line === "" ? words : `${line} ${words}`, tone: "plain" }];
  };
  return [...row("24 h stored", stored_per_second, "/s"), ...row("24 h queue", ready, " waiting")];
}
