/** `deno task erase` */
import { Acts, connectedAs } from "../../shared/postgres/acts.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { Session } from "../../shared/postgres/session.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { plural } from "../../shared/runtime/printable.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { onShutdownSignal } from "../../shared/runtime/shutdown.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { erase, type Erased, type Found, look, type Tell } from "./erase.ts";

/** A query reads the bodies of 1,000 letters. */
const queryTimeoutMs = 60_000;
const largest = 2n ** 63n - 1n;

await runCommand({
  name: "deno task erase",
  summary:
    "Erases a player's e-mail and last sign-in from stored events, their descriptions and dead letters. Totals and\n" +
    "counts do not change. The command counts the rows first and asks for confirmation. An interrupted run keeps its\n" +
    "progress, and the next run continues. The player's row in the table players stays unless you add --player-row;\n" +
    "while that row exists, the player's next event is stored with the e-mail again.",
  flags: {
    player: { value: "ID", help: "the player's id (required)" },
    "player-row": { help: "also delete the player's row in the table players" },
    "dry-run": { help: "count, and erase nothing" },
    yes: { short: "y", help: "do not ask for confirmation" },
    json: { help: "print one JSON object" },
  },
  settings: ["DATABASE_URL"],
  examples: ["deno task erase --player 11 --dry-run", "deno task erase --player 11 --player-row --yes --json"],
}, async ({ flags, config }) => {
  const player = playerOf(flags.player);
  const asks = !flags.yes && !flags["dry-run"];
  if (asks && !Deno.stdin.isTerminal()) {
    throw new UsageError("erase asks on a terminal; without one, add --yes, or --dry-run to preview");
  }
  using shutdown = onShutdownSignal(0, silentLog);
  const { stop } = shutdown;
  await using sql = new Session(config.DATABASE_URL, { name: "casino-erase", timeoutMs: queryTimeoutMs });
  const database = new DatabasePool(config.DATABASE_URL, {
    ...{ name: "casino-erase", max: 1, timeoutMs: queryTimeoutMs, clock },
  });
  const erased: Erased = { events: 0, letters: 0, players: 0 };
  try {
    const found = await look(sql, player, progress);
    endProgress();
    if (stop.aborted) return 1;
    if (!flags.json) console.log(inWords(found, flags["player-row"]));
    if (flags["dry-run"]) {
      if (flags.json) print(found, erased, "dry run");
      console.error("DRY RUN: no data was erased.");
      return 0;
    }
    if (asks && !confirm("Erase this data? This cannot be undone.")) return 1;
    const act = {
      ...{ act: "erase", filter: { player: String(player), player_row: String(flags["player-row"]) } },
      ...{ via: "deno task erase", ...await connectedAs(database) },
    };
    await new Acts(database, silentLog).record(
      act,
      () => erase({ sql, player, found, playerRow: flags["player-row"], tell: progress, stop }, erased),
      () => ({
        state: stop.aborted ? "failed" : "done",
        affected: erased.events + erased.letters + erased.players,
        result: JSON.stringify({ ...erased, ...(stop.aborted && { cut_off: true }) }),
      }),
    );
    endProgress();
    if (flags.json) print(found, erased, stop.aborted ? "cut off" : "done");
    else console.log(`Erased: ${countOf(erased)}.`);
    if (stop.aborted) console.error("Interrupted: run the command again to continue.");
    else if (found.isPlayer && erased.players === 0) {
      console.error(
        "The table players still has this player's row: the player's next event is stored with the e-mail again. " +
          "Delete the row with --player-row.",
      );
    }
    return stop.aborted ? 1 : 0;
  } catch (error) {
    endProgress();
    if (erased.events + erased.letters > 0) {
      console.error(`Erased before the error: ${countOf(erased)}.`);
    }
    const explained = await explainConnection(error, "Postgres", config.DATABASE_URL);
    throw explained === error ? new Error(explainStoreError(error), { cause: error }) : explained;
  } finally {
    await database.close();
  }

  function print(found: Found, { events, letters, players }: Erased, state: string): void {
    console.log(JSON.stringify({
      ...{ player: String(player), state, found: { events: found.events, letters: found.letters } },
      ...{ erased: { events, letters, players }, player_row: found.isPlayer && players === 0 },
    }));
  }
});

function playerOf(text: string | undefined): bigint {
  if (text === undefined) throw new UsageError("erase needs --player ID");
  const player = /^-?\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (player === 0n || player > largest) {
    throw new UsageError(`--player=${text} must be a whole number of 64 bits other than 0, the id of a player`);
  }
  return player;
}

function inWords({ events, letters, isPlayer }: Found, playerRow: boolean): string {
  const row = !isPlayer
    ? "The table players has no row for this player."
    : playerRow
    ? "The player's row in the table players will be deleted."
    : "The player's row in the table players stays.";
  return `To erase: ${countOf({ events, letters }, " with e-mail or last sign-in")}. ${row}`;
}

function countOf({ events, letters }: Pick<Erased, "events" | "letters">, which = ""): string {
  return `${plural(events, "event")}${which}, ${plural(letters, "dead letter or edit", "dead letters and edits")}`;
}

function progress(...[part, share]: Parameters<Tell>): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${part}: ${Math.floor(share * 100)} %`));
}

function endProgress(): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
}
