import { deepStrictEqual } from "node:assert/strict";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import type { Event } from "../../shared/event/event.ts";
import type { LetterHistory } from "../../shared/rabbitmq/dead/admin.ts";
import { type DeadLetter, type Fate, letterOf } from "../../shared/rabbitmq/dead/dead_letter.ts";
import { deadHeaders } from "../../shared/rabbitmq/publish/dead_letters.ts";
import { bet, deliveryOf } from "../../tests/fixtures/deliveries.ts";
import { describeLineage } from "./lineage.ts";

const at = (time: string) => `2026-11-24T${time}.000Z`;

function letter(id: bigint, event: Event, time: string, detail: string, changes: Partial<Fate> = {}): DeadLetter {
  const headers = {
    ...{ [deadHeaders.reason]: "unknown-currency", [deadHeaders.detail]: detail, [deadHeaders.subscriber]: "one" },
    [deadHeaders.lastFailedAt]: at(time),
  };
  const fate = {
    ...{ status: "dead", id, previous: undefined, actedBy: undefined, actedAt: undefined } as const,
    ...{ storedBy: undefined, storedAt: undefined, edits: 0, claimed: false, ...changes },
  };
  return { ...letterOf({ ...deliveryOf(event), headers }), fate };
}

const edit = (letter: bigint, event: Event, time: string, by: string) => ({
  ...{ letter, event, by, at: at(time), body: encodeEvent(event) },
});

Deno.test("describeLineage() lists each failure, edit and act with time and user, and the original event", () => {
  const [first, second, third] = ["XTS", "KWD", "EUR"].map((currency) => bet({ currency })) as [Event, Event, Event];
  const history: LetterHistory = {
    letters: [
      letter(3n, first, "22:00:00", "no \x1b[31mXTS", { status: "replayed", actedBy: "bob", actedAt: at("22:20:00") }),
      letter(9n, second, "22:20:01", "no KWD", { previous: 3n }),
    ],
    edits: [edit(3n, second, "22:10:00", "anna"), edit(9n, third, "22:30:00", "eve")],
    more: false,
  };
  deepStrictEqual(describeLineage(history), [
    "history          2 failures · 2 edits · 1 replay",
    "  2026-11-24T22:00:00.000Z  failed by one",
    "    unknown-currency: no \\u001b[31mXTS",
    "  2026-11-24T22:10:00.000Z  edited by anna",
    "    currency: XTS → KWD",
    "  2026-11-24T22:20:00.000Z  replayed by bob",
    "  2026-11-24T22:20:01.000Z  failed again by one",
    "    unknown-currency: no KWD",
    "  2026-11-24T22:30:00.000Z  edited by eve",
    "    currency: KWD → EUR",
    'original         {"id":1,"player_id":11,"game_id":101,"type":"bet","amount":500,"currency":"XTS",' +
    '"has_won":false,"created_at":"2022-02-02T23:45:00Z"}',
  ]);
});

Deno.test("describeLineage() prints nothing for a letter without a history, and reports missing steps", () => {
  const only = letter(1n, bet(), "22:00:00", "");
  deepStrictEqual(describeLineage({ letters: [only], edits: [], more: false }), []);
  const cut = describeLineage({ letters: [only], edits: [edit(1n, bet(), "22:10:00", "anna")], more: true });
  deepStrictEqual(cut, [
    "history          1 failure · 1 edit",
    "  Earlier steps are not shown.",
    "  2026-11-24T22:00:00.000Z  failed again by one",
    "    unknown-currency: no detail",
    "  2026-11-24T22:10:00.000Z  edited by anna",
    "    no field changed",
  ]);
});
