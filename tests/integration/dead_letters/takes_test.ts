/** A taken group does not change the headline until it grows. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { deadHeaders } from "../../../shared/rabbitmq/publish/dead_letters.ts";
import { causeOf } from "../../../shared/rabbitmq/dead/cause.ts";
import { Takes } from "../../../subscriber/dead_letters/takes.ts";
import { letterOf } from "../../conformance/dead_letter_admin.ts";
import { never } from "../../conformance/queue/subject.ts";
import { publishDead, withTestLetters } from "../../servers/test_letters.ts";

const { group } = causeOf({ reason: "invalid", detail: "amount -1" });
const of = (n: number) => letterOf("invalid", { [deadHeaders.detail]: `amount -${n}` });

Deno.test("letters of a group that is taken are not untended, but letters after the take are, whatever is dropped meanwhile", async () => {
  await withTestLetters(async ({ startKeeper, queues, untilKept, database, admin }) => {
    startKeeper();
    const takes = new Takes(database);
    const first = of(1);
    publishDead(queues, [first, of(2), letterOf("undecodable")]);
    await untilKept(3);
    deepStrictEqual(await takes.count(), { dead: 3, untended: 3 });
    deepStrictEqual([await takes.take(group, "ann", "ticket 7"), await takes.take("none", "ann", "")], [2, 0]);
    deepStrictEqual(await takes.count(), { dead: 3, untended: 1 });

    await admin.drop({ filter: { ids: [first.messageId] }, signal: never });
    publishDead(queues, [of(3)]);
    await untilKept(4);
    deepStrictEqual(await takes.count(), { dead: 3, untended: 2 });
    const groups = await admin.groups({ filter: {}, signal: never });
    const told = groups.map(({ taken }) => taken && [taken.by, taken.note, taken.more]);
    deepStrictEqual(told, [["ann", "ticket 7", 1], undefined]);

    strictEqual(await takes.take(group, "bob", ""), 2);
    deepStrictEqual(await takes.count(), { dead: 3, untended: 1 });
    deepStrictEqual([await takes.leave(group), await takes.leave(group)], [true, false]);
    deepStrictEqual(await takes.count(), { dead: 3, untended: 3 });
  });
});
