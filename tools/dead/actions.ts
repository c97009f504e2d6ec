/** The actions of `deno task dead`, by their first word. Each returns the exit status. */
import { type Filter, groupToJson, historyToJson, type LetterHistory } from "../../shared/rabbitmq/dead/admin.ts";
import { deadLetterToJson, mostBodyListed, mostBodyShown } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { replay as replayLetters } from "../../shared/rabbitmq/dead/replay.ts";
import { ConfirmPublisher } from "../../shared/rabbitmq/publish/publisher.ts";
import { eventTopology, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import type { Database } from "../../shared/postgres/pool.ts";
import type { Config } from "../../shared/runtime/configuration/config.ts";
import { printable, printableJson } from "../../shared/runtime/printable.ts";
import { systemRandom as random } from "../../shared/runtime/random.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import type { LetterClaims } from "../../subscriber/dead_letters/claims.ts";
import { readLetterHistory } from "../../subscriber/dead_letters/letter_history.ts";
import type { KeptLetter } from "../../subscriber/dead_letters/letter_row.ts";
import type { LetterTable } from "../../subscriber/dead_letters/letter_table.ts";
import { pagesOf, replaySource, type SelectionOptions } from "../../subscriber/dead_letters/replay_source.ts";
import { describeLineage } from "./lineage.ts";
import { countReasons, describeGroup, describeInFull, summarize } from "./print.ts";

export interface Task {
  readonly database: Pick<Database, "copyIn" | "query">;
  readonly table: LetterTable;
  readonly claims: LetterClaims;
  readonly filter: Filter;
  readonly flags: {
    readonly limit?: number | undefined;
    readonly rate?: number | undefined;
    readonly newest: boolean;
    readonly force: boolean;
    readonly json: boolean;
    readonly yes: boolean;
    readonly job: boolean;
    readonly wait: boolean;
    readonly "dry-run": boolean;
  };
  readonly config: TopologyConfig & Pick<Config, "RABBITMQ_URL">;
  /** Recorded in the table as the author of the act. */
  readonly by: string;
  readonly stop: AbortSignal;
  /** Called for each letter that was acted on. */
  readonly onDone: () => void;
}

/** An operator waits for the answer: a clear failure soon is better than half a minute of retries per letter. */
const publishTimeoutMs = 5_000;

const acts = { replay, drop, undo };
export const actions = { list, groups, show, ...acts };

/** Returns whether the action changes letters. */
export function changes(action: keyof typeof actions): boolean {
  return Object.hasOwn(acts, action);
}

export function isAction(word: string | undefined): word is keyof typeof actions {
  return word !== undefined && Object.hasOwn(actions, word);
}

async function list(task: Task): Promise<number> {
  const counts = new Counts();
  for await (const letters of pagesOf(task.table, selectionOf(task))) {
    for (const letter of letters) {
      counts.add(letter.reason);
      print(task, letter, summarize);
    }
  }
  if (!task.flags.json) console.log(counts.none ? "No dead letters." : countReasons(counts.of));
  return 0;
}

async function groups({ table, filter, flags }: Task): Promise<number> {
  const found = await table.groups(filter);
  for (const group of found) {
    console.log(flags.json ? printableJson(JSON.stringify(groupToJson(group))) : describeGroup(group));
  }
  if (!flags.json && found.length === 0) console.log("No dead letters.");
  return 0;
}

/** With several letters of one message, its history follows the last of them; `--json` has it with each. */
async function show(task: Task): Promise<number> {
  const { database, flags: { json }, filter } = task;
  const histories = new Map<string, LetterHistory>();
  for await (const letters of pagesOf(task.table, { ...selectionOf(task), mostBodyBytes: mostBodyShown })) {
    for (const letter of letters) {
      const { messageId } = letter;
      const history = histories.get(messageId) ?? await readLetterHistory(database, messageId);
      histories.set(messageId, history);
      if (!json) print(task, letter, describeInFull);
      else {
        const shown = { ...deadLetterToJson(letter, mostBodyShown), history: historyToJson(history) };
        console.log(printableJson(JSON.stringify(shown)));
      }
    }
  }
  if (histories.size === 0) {
    console.error(
      `There is no dead letter ${filter.ids?.join(", ")}. If it was replayed, dropped or resolved, add --status any.`,
    );
  }
  if (!json) { for (const line of Array.from(histories.values()).flatMap(describeLineage)) console.log(line); }
  return histories.size > 0 ? 0 : 1;
}

async function drop(task: Task): Promise<number> {
  const { table, by, flags: { json } } = task;
  const counts = new Counts();
  for await (const letters of pagesOf(table, { ...selectionOf(task), status: "dead" })) {
    const dropped = await table.mark(letters.map(({ id }) => id), { status: "dropped", by });
    for (const letter of letters.filter(({ id }) => dropped.has(id))) {
      counts.add(letter.reason);
      task.onDone();
      print(task, letter, ({ messageId, reason }) => printable(`dropped ${messageId}  ${reason}`));
    }
  }
  if (!json) console.log(counts.none ? "Nothing to drop." : `Dropped ${countReasons(counts.of)}`);
  return 0;
}

async function undo({ table, filter, by, flags: { json }, stop, onDone }: Task): Promise<number> {
  const last = await table.lastId();
  let [restored, more] = [0, true];
  while (more && !stop.aborted) {
    const some = await table.undo(filter, last, by);
    for (const id of some.messageIds) {
      onDone();
      console.log(json ? JSON.stringify({ restored: id }) : `restored ${id}`);
    }
    restored += some.messageIds.length;
    more = some.more;
  }
  if (!json) console.log(restored === 0 ? "Nothing to restore." : `Restored: ${restored}`);
  return 0;
}

async function replay(task: Task): Promise<number> {
  const { table, config, by, stop, flags: { rate, force, json } } = task;
  const publisher = new ConfirmPublisher({
    ...{ url: config.RABBITMQ_URL, name: "casino dead replay", topology: eventTopology(config), clock, random },
    giveUpAfterMs: publishTimeoutMs,
    onBlocked: (reason) =>
      console.error(
        reason === undefined
          ? "The broker accepts messages again; continuing."
          : printable(`The broker blocks publishers (${reason}); waiting until it accepts messages again.`),
      ),
    log: silentLog,
  });
  // With bad credentials, each publish fails with the broker's message.
  publisher.finished.catch(() => {});
  const counts = new Counts();
  try {
    const source = replaySource(table, task.claims, { ...selectionOf(task), by, rate, random });
    const { EVENTS_EXCHANGE: exchange, EVENTS_SHARDS: shards } = config;
    const how = { exchange, shards, publisher, clock, rate, force, stop };
    for await (const replayed of replayLetters(source, how)) {
      counts.add(replayed.result);
      if (replayed.result === "replayed") task.onDone();
      const { messageId, reason } = replayed.letter;
      const words = replayed.result === "replayed" ? "" : `: ${replayed.problem}`;
      print(task, replayed.letter, () => printable(`${replayed.result} ${messageId}  ${reason}${words}`));
    }
  } finally {
    await publisher.close(0);
  }
  if (!json) console.log(counts.none ? "Nothing to replay." : countReasons(counts.of));
  return counts.of.has("failed") || counts.of.has("refused") ? 1 : 0;
}

function selectionOf({ filter, flags: { limit, newest }, stop }: Task): SelectionOptions {
  return { filter, limit, order: newest ? "newest" : "oldest", stop };
}

/** Prints only the beginning of the body; the table keeps all of it. */
function print({ flags }: Task, letter: KeptLetter, text: (letter: KeptLetter) => string): void {
  console.log(flags.json ? printableJson(JSON.stringify(deadLetterToJson(letter, mostBodyListed))) : text(letter));
}

class Counts {
  readonly of = new Map<string, number>();

  get none(): boolean {
    return this.of.size === 0;
  }

  add(key: string): void {
    this.of.set(key, (this.of.get(key) ?? 0) + 1);
  }
}
