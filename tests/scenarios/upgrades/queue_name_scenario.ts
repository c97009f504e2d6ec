/** The events queue gets its own name under load, as in docs/upgrades.md, while members of 0.1.0 are running. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { onChannel } from "../../../shared/rabbitmq/topology.ts";
import { openConnection } from "../../../shared/rabbitmq/connection.ts";
import { checkTotals } from "../../servers/materialized_by_sql.ts";
import { servers } from "../../servers/servers.ts";
import { withWorld } from "../../harness/world.ts";
import { ReleasedTree } from "./versions.ts";

const events = 4_000;

Deno.test("a move from one queue to the next under load: each event is stored and counted once, and the old queue is deleted", async () => {
  await using tree = await ReleasedTree.checkOut();
  await withWorld(async (now) => {
    const old = now.withMembers(tree.members);
    const moved = { EVENTS_QUEUE: `${now.events}.queue` };
    const provision = (...args: string[]) => now.members.run("provision", args, { ...now.env, ...moved });
    try {
      strictEqual((await now.tryRunning("migrate", [])).code, 0);
      await now.startRatesApi();
      const first = await old.startSubscriber("old");
      // A publisher of the last release, which knows the exchange and its own queue.
      const args = ["--count", String(events), "--rate", "800"];
      const publisher = old.members.start("publisher", args, old.env);
      await now.untilSettled(events / 10);

      match((await provision()).stdout, /of an earlier version still exists/);
      const second = await now.startSubscriber("new", moved);
      await now.untilSettled(events);
      strictEqual((await publisher.ended).code, 0);
      const bySubscriber = await now.sql.query<{ id: string }>("select distinct subscriber_id as id from events");
      deepStrictEqual(bySubscriber.map(({ id }) => id).sort(), ["new", "old"]);

      const early = await provision("--remove-former");
      deepStrictEqual([early.code, /consumers 1/.test(early.stdout)], [1, true], early.stdout);
      await old.stop(first);
      const done = await provision("--remove-former");
      deepStrictEqual([done.code, /Deleted the empty queue /.test(done.stdout)], [0, true], done.stderr);

      await now.members.runToEnd("publisher", ["--count", "10"], { ...now.env, ...moved });
      await now.untilSettled(events + 10);
      strictEqual(await now.rows(), events + 10);
      await checkTotals(now.sql, events + 10);
      strictEqual(await now.messagesIn(now.dead), 0);
      await now.stop(second);
      const connection = await openConnection({ url: servers.RABBITMQ_URL, name: "test" });
      await rejects(onChannel(connection, (channel) => channel.checkQueue(now.events)), { code: 404 });
      await rejects(onChannel(connection, (channel) => channel.checkExchange(now.dead)), { code: 404 });
      await connection.close();
    } finally {
      await now.stopAll();
      await now.channel.deleteQueue(moved.EVENTS_QUEUE);
    }
  }, { migrations: new Map() });
});
