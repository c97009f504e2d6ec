/** Prints dead letters for humans. */
import { cutTo, plural, printable } from "../../shared/runtime/printable.ts";
import type { CauseGroup } from "../../shared/rabbitmq/dead/admin.ts";
import { causeOf } from "../../shared/rabbitmq/dead/cause.ts";
import { type DeadLetter, type Fate, shownEvent } from "../../shared/rabbitmq/dead/dead_letter.ts";

/** Returns two lines: the letter's state, and its description. */
export function summarize(
  letter: DeadLetter,
): string {
  const { messageId, sentId, reason, lastFailedAt, attempts, replays, detail, event, bodyProblem, bodyBytes, fate } =
    letter;
  const status = fate && fate.status !== "dead" ? `  ${fate.status}` : "";
  const times = plural(attempts, "attempt") + (replays > 0 ? `, ${plural(replays, "replay")}` : "");
  const what = event ? JSON.stringify(shownEvent(event)) : `the body of ${plural(bodyBytes, "byte")} is not an event`;
  const why = detail === bodyProblem || !bodyProblem ? detail : `${detail}; ${bodyProblem}`;
  return [
    `${messageId}${sentId === undefined ? "" : ` (sent as ${sentId})`}  ${reason}  ${
      lastFailedAt ?? "time unknown"
    }  ${times}${status}`,
    `  ${cutTo(why, 160)}`,
    `  ${cutTo(what, 240)}`,
  ].map((line) => printable(line)).join("\n");
}

/** Headers may be larger; `--json` omits them. */
const mostOfOneRow = 65_536;

/** Returns every known fact of one letter. */
export function describeInFull(letter: DeadLetter): string {
  const rows: [string, unknown][] = [
    ["message id", letter.messageId],
    ...(letter.sentId === undefined ? [] : [["sent as", letter.sentId] as [string, unknown]]),
    ["reason", letter.reason],
    ["detail", letter.detail],
    ["group", causeOf(letter).group],
    ["subscriber", letter.subscriber],
    ["first failed at", letter.firstFailedAt],
    ["last failed at", letter.lastFailedAt],
    ["attempts", letter.attempts],
    ["replays", letter.replays],
    ...fateRows(letter.fate),
    ["published by", letter.appId],
    ["published at", letter.timestampMs === undefined ? undefined : new Date(letter.timestampMs).toISOString()],
    ["event", letter.event ? JSON.stringify(shownEvent(letter.event)) : `none: ${letter.bodyProblem}`],
    ...(letter.edit
      ? [[
        "edited",
        `${JSON.stringify(shownEvent(letter.edit.event))} by ${letter.edit.by} at ${letter.edit.at}`,
      ] as [string, unknown]]
      : []),
    ["headers", JSON.stringify(letter.headers)],
  ];
  const lines = rows.map(([name, value]) => printable(`${name.padEnd(16)} ${value ?? "unknown"}`, mostOfOneRow));
  return `${lines.join("\n")}\nbody, ${plural(letter.bodyBytes, "byte")}\n${hexDump(letter)}`;
}

/** The status `replayed` does not show the outcome: `resolved` does, or a later letter that names this one. */
function fateRows(fate: Fate | undefined): [string, unknown][] {
  if (!fate) return [];
  const { status, id, previous, actedBy, actedAt, storedBy, storedAt } = fate;
  return [
    ["status", status],
    ["number", id],
    ...(previous === undefined
      ? []
      : [["previous", `${previous}: its replay was dead-lettered as this letter`] as [string, unknown]]),
    ...(actedBy === undefined ? [] : [["last act", `by ${actedBy} at ${actedAt}`] as [string, unknown]]),
    ...(storedBy === undefined ? [] : [["event stored", `by ${storedBy} at ${storedAt}`] as [string, unknown]]),
  ];
}

/** Returns `reason: count`, the highest count first. */
export function countReasons(counts: ReadonlyMap<string, number>): string {
  const descending = [...counts].sort(([, a], [, b]) => b - a);
  return printable(descending.map(([reason, count]) => `${reason}: ${count}`).join(", "));
}

/** Returns two lines: the cause of the failures, and the newest letter. */
export function describeGroup({ group, reason, cause, letters, firstAt, lastAt, sample, taken }: CauseGroup): string {
  const times = firstAt === undefined ? "time unknown" : firstAt === lastAt ? firstAt : `${firstAt} … ${lastAt}`;
  return [
    `${group}  ${plural(letters, "letter")}  ${reason}  ${times}`,
    `  ${cutTo(cause || "no detail", 160)}`,
    `  ${sample.messageId}  ${cutTo(sample.detail, 160)}`,
    ...(taken
      ? [`  taken by ${taken.by} at ${taken.at}: ${taken.note}${taken.more > 0 ? `; ${taken.more} new since` : ""}`]
      : []),
  ].map((line) => printable(line)).join("\n");
}

const mostBytesShown = 1_024;

function hexDump({ body, bodyBytes }: DeadLetter): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(body.length, mostBytesShown); at += 16) {
    const bytes = [...body.subarray(at, at + 16)];
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = bytes.map((byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");
    lines.push(`  ${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  if (bodyBytes > mostBytesShown) lines.push(`  … ${plural(bodyBytes - mostBytesShown, "more byte")}`);
  return lines.join("\n");
}
