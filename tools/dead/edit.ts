/** `deno task dead edit`: applies one change to one letter, or to all matching letters. */
import { type Change, parseChange } from "../../shared/event/change.ts";
import { UsageError } from "../../shared/runtime/configuration/command.ts";
import { printable, printableJson } from "../../shared/runtime/printable.ts";
import { editOf, type EditOutcome, outcomeToJson } from "../../shared/rabbitmq/dead/edit.ts";
import { editLetters } from "../../subscriber/dead_letters/edit_letters.ts";
import { pagesOf } from "../../subscriber/dead_letters/replay_source.ts";
import type { Task } from "./actions.ts";

/** Most previews printed for an edit of many letters. */
const mostShown = 20;

/** @throws {UsageError} */
export async function readChange(
  { set, where, body }: {
    readonly set?: string | undefined;
    readonly where?: string | undefined;
    readonly body?: string | undefined;
  },
): Promise<Change> {
  const words = (text: string | undefined) => text === undefined ? [] : text.split(/,(?=[a-z_]+=)/);
  try {
    const json = body === "-" ? await new Response(Deno.stdin.readable).text() : body;
    return parseChange({ set: words(set), where: words(where), json });
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(`edit: ${error.message}`) : error;
  }
}

/** Edits after a preview: a person confirms, and a program passes --yes. */
export async function edit(task: Task & { readonly change: Change }): Promise<number> {
  const { flags, filter, table, change, by, database, stop } = task;
  const selection = { filter, status: "dead", limit: flags.limit, stop } as const;
  const one = filter.ids?.length === 1;
  const asks = !flags.yes && !one && Deno.stdin.isTerminal() && !flags["dry-run"];
  if (!flags.yes && !one && !asks && !flags["dry-run"]) {
    throw new UsageError(
      "an edit of several letters asks on a terminal; without one, add --yes, or --dry-run to preview",
    );
  }
  if (asks || flags["dry-run"]) {
    const would = new Shown(task, "would edit");
    for await (const letters of pagesOf(table, selection)) {
      for (const letter of letters) would.add(editOf(letter, change).outcome);
    }
    would.sum();
    if (flags["dry-run"]) console.error("DRY RUN: no letter was edited.");
    if (flags["dry-run"] || would.fit === 0 || !confirm(`Edit ${would.fit}?`)) return would.fit > 0 ? 0 : 1;
  }
  const edited = new Shown(task, "edited");
  for await (const letters of pagesOf(table, selection)) {
    for (const outcome of await editLetters(database, letters, change, by)) {
      if (outcome.problem === undefined) task.onDone();
      edited.add(outcome);
    }
  }
  edited.sum();
  if (edited.fit > 0 && !flags.json) console.log("Publish the edited letters with deno task dead replay.");
  return edited.fit > 0 ? 0 : 1;
}

class Shown {
  fit = 0;
  #others = 0;

  constructor(private readonly task: Task, private readonly word: string) {}

  add(outcome: EditOutcome): void {
    const { messageId, before, after, problem } = outcome;
    if (problem === undefined) this.fit++;
    else this.#others++;
    if (this.task.flags.json) {
      console.log(printableJson(JSON.stringify(outcomeToJson(outcome))));
    } else if (this.fit + this.#others <= mostShown) {
      const lines = problem === undefined
        ? [`${this.word} ${messageId}`, `  - ${before}`, `  + ${after}`]
        : [`not edited ${messageId}: ${problem}`];
      console.log(lines.map((line) => printable(line)).join("\n"));
    } else if (this.fit + this.#others === mostShown + 1) {
      console.log("…");
    }
  }

  sum(): void {
    if (!this.task.flags.json) console.log(`${this.word}: ${this.fit}, unchanged: ${this.#others}`);
  }
}
