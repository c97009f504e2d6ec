/**
 * A rolling upgrade from the last release to this version, and back, under load. Members of both versions share one
 * queue, one cache and one database, whose tables change meanwhile.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { eventToJson } from "../../../shared/event/json.ts";
import { lasting, materializedBySql } from "../../servers/materialized_by_sql.ts";
import type { Member } from "../../../tools/demo/members.ts";
import { readHistory } from "../../../tools/migrate/migrator.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { checkCounts, type MadeEvent, makeEvents } from "../../harness/batch.ts";
import { getJson, untilAnswered, urlOf } from "../../harness/http.ts";
import { Ledger } from "../../harness/ledger.ts";
import { MoreMigrations, releasedMigrations, ReleasedTree } from "./versions.ts";
import { withWorld, type World } from "../../harness/world.ts";

const ratesTtlMs = 5_000;
const rate = 300;
const linesOfFile = 40_000;
const enough = 100;

/** An expand step in addition to the project's own: more columns in tables that the last release's statements use. */
const expand = {
  name: "20990101000000_add_campaigns.ts",
  up: `create table campaigns (id bigint primary key, title text not null);
    alter table events add column campaign_id bigint references campaigns;
    alter table player_totals add column biggest_win bigint not null default 0;
    alter table player_leaders add column biggest_win bigint[];
    alter table event_counts add column late bigint not null default 0;
    alter table players add column nickname text;
    create index if not exists events_campaign on events (campaign_id) where campaign_id is not null`,
  down: `drop index events_campaign;
    alter table events drop column campaign_id;
    alter table player_totals drop column biggest_win;
    alter table player_leaders drop column biggest_win;
    alter table event_counts drop column late;
    alter table players drop column nickname;
    drop table campaigns`,
};

Deno.test("a rolling upgrade and its rollback under load: each event is stored once, by either version, and the totals are right", async () => {
  await using tree = await ReleasedTree.checkOut();
  await using migrations = await MoreMigrations.make(expand);
  await withWorld(async (now) => {
    const old = now.withMembers(tree.members);
    const workers = new Workers(now);
    strictEqual((await old.tryRunning("migrate", [])).code, 0);
    // The last release's control key is another one.
    await now.startRatesApi();

    const begun = performance.now();
    for (const id of ["old-1", "old-2", "old-3"]) await workers.join(old, id);
    let load = await workers.publish(old, 1);
    await workers.untilAllStore();

    strictEqual((await migrations.run(now, "up")).code, 0);
    for (const n of [1, 2, 3]) await workers.replace(`old-${n}`, now, `new-${n}`);
    load = await workers.takeOver(load, now, 2);
    await workers.untilAllStore();

    load = await workers.takeOver(load, old, 3);
    for (const n of [1, 2]) await workers.replace(`new-${n}`, old, `back-${n}`);
    strictEqual((await old.tryRunning("migrate", [])).code, 1, "the last release leaves alone what it does not know");
    await workers.untilAllStore();
    await workers.end(load);
    await now.untilSettled(workers.ledger.confirmed);
    await workers.compareMaterialized();

    // Remove the new version's tables after its last member has stopped.
    await workers.replace("new-3", old, "back-3");
    const undone = await migrations.run(now, "down");
    strictEqual(undone.code, 0, undone.stderr);
    deepStrictEqual(await appliedIn(now), await releasedMigrations());
    load = await workers.publish(old, 4);
    await workers.untilAllStore();
    await workers.end(load);
    await now.untilSettled(workers.ledger.confirmed);
    await workers.compareMaterialized();

    // If one version rejected the other's cached rates, both would call the rates API again and again.
    const most = Math.ceil((performance.now() - begun) / ratesTtlMs);
    const { calls } = await now.ratesStats();
    ok(calls <= most, `${calls} calls to the rates API, ${most} at most`);

    await workers.leave();
    checkCounts(await workers.ledger.count(now.sql, await now.deadLetters()), workers.ledger.attempted);
    strictEqual(await now.messagesIn(now.events), 0);
  }, { env: { RATES_TTL_MS: String(ratesTtlMs) }, migrations: new Map() });
});

interface Load {
  readonly world: World;
  readonly member: Member;
  readonly file: string;
  readonly events: readonly MadeEvent[];
  /** What the publisher prints at its end. */
  readonly words: string[];
}

/** The running subscribers of both versions, and the ledger of their work. */
class Workers {
  readonly ledger = new Ledger();
  readonly #subscribers = new Map<string, { readonly world: World; readonly member: Member }>();

  constructor(private readonly now: World) {}

  async join(world: World, id: string): Promise<void> {
    const onLine = (line: string) => this.ledger.report(line);
    const member = await world.startSubscriber(id, {}, { http: "127.0.0.1:0", onLine });
    this.#subscribers.set(id, { world, member });
  }

  /** Starts the new subscriber before the old one stops, as orchestrators do. */
  async replace(id: string, world: World, by: string): Promise<void> {
    await this.join(world, by);
    await this.#stop(id);
  }

  /** Waits until each subscriber has stored some of the events. */
  async untilAllStore(): Promise<void> {
    const ids = [...this.#subscribers.keys()];
    await untilAnswered(
      () =>
        this.now.sql.query<{ id: string; events: number }>(
          "select subscriber_id as id, count(*)::int as events from events group by subscriber_id",
        ),
      (rows) => ids.every((wanted) => rows.some(({ id, events }) => id === wanted && events >= enough)),
      `${enough} events stored by each of ${ids}`,
    );
  }

  /** Resolves when some of the publisher's events are stored. */
  async publish(world: World, seed: number): Promise<Load> {
    const file = await Deno.makeTempFile({ suffix: ".ndjson" });
    const firstId = BigInt(seed) * 1_000_000n;
    const events = [...makeEvents(seed, firstId, 40).take(linesOfFile)];
    await Deno.writeTextFile(file, events.map(({ event }) => JSON.stringify(eventToJson(event))).join("\n"));
    const words: string[] = [];
    const member = world.members.start("publisher", ["--input", file, "--rate", String(rate)], world.env, {
      onLine: (line) => words.push(line),
    });
    await untilAnswered(
      () =>
        this.now.sql.one<{ events: number }>("select count(*)::int as events from events where event_id >= $1", [
          firstId,
        ]),
      ({ events }) => events >= enough,
      `${enough} events stored of publisher ${seed}`,
    );
    return { world, member, file, events, words };
  }

  /** Starts the next publisher before the running one stops. */
  async takeOver(load: Load, world: World, seed: number): Promise<Load> {
    const next = await this.publish(world, seed);
    await this.end(load);
    return next;
  }

  /** Stops the publisher, and enters its published events in the ledger: the first events of its file. */
  async end({ world, member, file, events, words }: Load): Promise<void> {
    await world.stop(member);
    strictEqual((await member.ended).code, 0, member.messages.join("\n"));
    const [, published, confirmed] = /^published (\d+), confirmed (\d+), returned 0, failed 0/.exec(words.at(-1)!)!;
    strictEqual(published, confirmed);
    ok(Number(published) >= enough && Number(published) < linesOfFile, `published ${published}`);
    for (const { messageId, event } of events.slice(0, Number(published))) {
      this.ledger.attempt({ messageId, event, reason: undefined });
      this.ledger.confirm(messageId);
    }
    await Deno.remove(file);
  }

  /**
   * Checks that each subscriber, of either version, reports what the stored events add up to: an old one once the new
   * ones have added all batches to the totals.
   */
  async compareMaterialized(): Promise<void> {
    const right = await materializedBySql(this.now.sql);
    for (const [id, { member }] of this.#subscribers) {
      const answer = async () => ({ ...lasting(await getJson(`${urlOf(member)}/materialized`)) });
      await eventually(`the totals of ${id}`, async () => isDeepStrictEqual(await answer(), right))
        .catch(async () => deepStrictEqual(await answer(), right, id));
    }
  }

  async leave(): Promise<void> {
    for (const id of [...this.#subscribers.keys()]) await this.#stop(id);
  }

  async #stop(id: string): Promise<void> {
    const { world, member } = this.#subscribers.get(id)!;
    this.#subscribers.delete(id);
    await world.stop(member);
    strictEqual((await member.ended).code, 0, id);
  }
}

async function appliedIn(world: World): Promise<string[]> {
  return (await readHistory(world.sql)).map(({ name }) => name);
}
