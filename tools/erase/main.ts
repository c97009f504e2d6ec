/** `deno task erase` */
import { Acts, connectedAs } from "../../shared/postgres/acts.ts";
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { Session } from "../../shared/postgres/session.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { explainStoreError } from "../../shared/runtime/errors.ts";
import { explainConnection } from "../../shared/runtime/server_kind.ts";
import { onShutdownSignal } from "../../shared/runtime/shutdown.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { erase, type Erased, type Found, look, type Tell } from "./erase.ts";

/** A query reads the bodies of 1,000 letters. */
const queryTimeoutMs = 60_000;
const largest = 2n ** 63n - 1n;

await runCommand({
  name: "deno task erase",
  summary: "Takes a player's e-mail and last sign-in out of stored events, their descriptions and dead letters.\n" +
    "Sums and counts stay. It counts first and asks; what it has erased stays erased, and another run goes on.\n" +
    "The row of the table players is the casino's own, and stays unless you say --player-row:\n" +
    "as long as it is there, the player's next event is stored with the e-mail again.",
  flags: {
    player: { value: "ID", help: "whose data" },
    "player-row": { help: "delete the player's row of the table players as well" },
    "dry-run": { help: "count, and erase nothing" },
    yes: { short: "y", help: "do not ask" },
    json: { help: "one JSON object" },
  },
  settings: ["DATABASE_URL"],
  examples: ["deno task erase --player 11 --dry-run", "deno task erase --player 11 --player-row --yes --json"],
}, async ({ flags, config }) => {
  const player = playerOf(flags.player);
  const asks = !flags.yes && !flags["dry-run"];
  if (asks && !Deno.stdin.isTerminal()) {
    throw new UsageError("erase asks on a terminal: here it takes --yes, or --dry-run to see what it would erase");
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
      console.error("DRY RUN: nothing was erased.");
      return 0;
    }
    if (asks && !confirm("Erase it? It cannot be undone.")) return 1;
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
    else console.log(`Erased: ${erased.events} events, ${erased.letters} dead letters and edits.`);
    if (stop.aborted) console.error("Cut off: run it again, and it goes on.");
    else if (found.isPlayer && erased.players === 0) {
      console.error("The table players still has this player: the next event is stored with the e-mail again.");
    }
    return stop.aborted ? 1 : 0;
  } catch (error) {
    endProgress();
    if (erased.events + erased.letters > 0) {
      console.error(`Erased before the error: ${erased.events} events, ${erased.letters} dead letters and edits.`);
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
  if (text === undefined) throw new UsageError("erase takes --player ID");
  const player = /^-?\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  if (player === 0n || player > largest) {
    throw new UsageError(`--player=${text} must be a whole number, as players have`);
  }
  return player;
}

function inWords({ events, letters, isPlayer }: Found, playerRow: boolean): string {
  const row = !isPlayer
    ? "no row of players"
    : playerRow
    ? "the row of players"
    : "not the row of players, which stays";
  return `To erase: ${events} events with e-mail or last sign-in, ${letters} dead letters and edits, ${row}.`;
}

function progress(...[part, share]: Parameters<Tell>): void {
  if (!Deno.stderr.isTerminal()) return;
  Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${part}: ${Math.floor(share * 100)} %`));
}

function endProgress(): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
}
