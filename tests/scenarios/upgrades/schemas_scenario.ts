/** The check's step that holds the schemas to the last release's, with schemas that break it and that do not. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { lastRelease, schemaCheck } from "../../releases/releases.ts";
import { readReleased, releasedMigrations } from "./versions.ts";
import { project } from "../../harness/world.ts";
import { endOf } from "../../../tools/run_program.ts";

const eventProto = "casino/events/v1/event.proto";
const ratesProto = "casino/rates/v1/rates.proto";

type Change = readonly [file: string, from: string, to: string];

const refused: Record<string, readonly [...Change, says: RegExp]> = {
  "a field removed": [eventProto, "bool has_won = 7;", "", /field "7" with name "has_won" on message "Event" was del/],
  "a field removed whose number is reserved": [
    eventProto,
    "bool has_won = 7;",
    'reserved 7; reserved "has_won";',
    /field "7" with name "has_won" on message "Event" was deleted/,
  ],
  "a field of another type": [eventProto, "int64 amount", "sint64 amount", /type from "int64" to "sint64"/],
  "a field of another number": [eventProto, "currency = 6;", "currency = 9;", /field "6" with name "currency"/],
  "a field of another name": [eventProto, "amount = 5;", "minor = 5;", /name from "amount" to "minor"/],
  "an enum value of another number": [eventProto, "GAME_STOP = 4;", "GAME_STOP = 5;", /enum value "4" on enum "EventT/],
  "an enum value of another name": [eventProto, "_BET = 2;", "_WAGER = 2;", /from "EVENT_TYPE_BET" to "EVENT_TYPE_WAG/],
  "a method of another answer": [
    ratesProto,
    "returns (GetRatesResponse)",
    "returns (stream GetRatesResponse)",
    /"GetRates" on service "RatesService" changed/,
  ],
};

const taken: Record<string, Change> = {
  "a field added": [eventProto, "created_at = 8;", "created_at = 8; string campaign = 9;"],
  "an enum value added": [eventProto, "GAME_STOP = 4;", "GAME_STOP = 4; EVENT_TYPE_JACKPOT = 5;"],
  "a method and its messages added": [
    ratesProto,
    "returns (GetRatesResponse);",
    "returns (GetRatesResponse); rpc GetBases(GetRatesRequest) returns (GetRatesRequest);",
  ],
};

for (const [what, [file, from, to, says]] of Object.entries(refused)) {
  Deno.test(`the check refuses ${what} since the last release`, async () => {
    const { code, said } = await check([file, from, to]);
    match(said, says);
    strictEqual(code, 100);
  });
}

for (const [what, change] of Object.entries(taken)) {
  Deno.test(`the check takes ${what} since the last release`, async () => {
    deepStrictEqual(await check(change), { code: 0, said: "" });
  });
}

Deno.test("what is kept of the last release is what was released", async () => {
  const kept = join(project, "tests/releases", lastRelease.version);
  for (const file of [`proto/${eventProto}`, `proto/${ratesProto}`, "proto/casino/rates/v1/mock_control.proto"]) {
    strictEqual(await Deno.readTextFile(join(kept, file)), await readReleased(file), file);
  }
  strictEqual(lastRelease.newestMigration, (await releasedMigrations()).at(-1));
});

/** What the check's step says of the last release's schemas with one change in them. */
async function check([file, from, to]: Change): Promise<{ code: number; said: string }> {
  const folder = await Deno.makeTempDir({ prefix: "casino-schemas-" });
  try {
    for (const each of [eventProto, ratesProto, "casino/rates/v1/mock_control.proto"]) {
      const text = await Deno.readTextFile(join(project, "tests/releases", lastRelease.version, "proto", each));
      if (each === file) strictEqual(text.split(from).length, 2, `${file} has "${from}" once`);
      await Deno.mkdir(join(folder, each, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, each), each === file ? text.replace(from, to) : text);
    }
    // Files that are new have nothing to break; buf.yaml says what is held to.
    await Deno.copyFile(join(project, "proto/buf.yaml"), join(folder, "buf.yaml"));
    const { code, output } = await endOf(Deno.execPath(), schemaCheck(folder), { cwd: project });
    return { code, said: output };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
