/** `deno task find` and `GET /find` on real servers: stored, dead, dropped, held, waiting in the queue, nowhere. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { FindAnswer } from "../../../subscriber/dashboard/find_answer.ts";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { getJson, untilAnswered, urlOf } from "../../harness/http.ts";
import { withWorld, type World } from "../../harness/world.ts";
import { TcpProxy } from "../../servers/tcp_proxy.ts";

const found = async (world: World, ...args: string[]): Promise<{ code: number; answer: FindAnswer }> => {
  const { code, stdout } = await world.tryRunning("find", [...args, "--json"]);
  return { code, answer: JSON.parse(stdout) };
};
const state = ({ events: [event] }: FindAnswer) => event?.state;
const stations = ({ events: [event] }: FindAnswer) => event?.stations.map(({ station }) => station);

function send({ channel, events }: World, id: bigint, currency: string, messageId: string): void {
  channel.publish(events, "", Buffer.from(encodeEvent(bet({ id, currency }))), {
    messageId,
    persistent: true,
  });
}

Deno.test("deno task find and GET /find tell where an event is, and where they searched when they find none", async (t) => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    await using proxy = await TcpProxy.before(world.env["DATABASE_URL"]!);
    const options = { http: "127.0.0.1:0" };
    const subscriber = await world.startSubscriber("holder", { DATABASE_URL: proxy.url }, options);
    const http = urlOf(subscriber);
    await world.publish("--input", "samples/events.ndjson");
    send(world, 4711n, "XXX", "order-17");
    await world.untilSettled(26, 2);

    await t.step("a stored event", async () => {
      const { code, answer } = await found(world, "2");
      deepStrictEqual([code, state(answer), stations(answer)], [0, "stored", ["published", "stored", "reported"]]);
      deepStrictEqual(answer.events[0]!.stations[1]!.by, "holder");
      const byPlayer = await found(world, "--player", "11", "--at", "2022-02-02T23:45");
      deepStrictEqual(
        byPlayer.answer.events.some(({ message_id }) => message_id === answer.events[0]!.message_id),
        true,
      );
      const { stdout } = await world.tryRunning("find", [answer.events[0]!.message_id.toUpperCase()]);
      match(stdout, /^The event is stored\.$/m);
      match(stdout, /^ {2}stored {4}20\S+ {2}by holder: 5 USD = .* EUR at .* for 1 EUR, the rate as of 20/m);
      match(stdout, /^Queues {8}empty$/m);
    });

    await t.step("a dead and a dropped event", async () => {
      const kept = (answer: FindAnswer) => state(answer) === "dead";
      const { events: [event] } = await untilAnswered(
        async () => (await found(world, "4711")).answer,
        kept,
        "it is dead",
      );
      deepStrictEqual([event!.sent_id, event!.event?.["currency"]], ["order-17", "XXX"]);
      match(event!.stations.at(-1)!.detail, /^unknown-currency: /);
      deepStrictEqual((await getJson(`${http}/find?id=order-17`)).events, [event]);
      await world.members.runToEnd("dead", ["drop", "--event", "4711"], world.env);
      deepStrictEqual(stations((await found(world, "order-17")).answer), ["published", "dead", "dropped"]);
    });

    await t.step("an event that is held while the database is away", async () => {
      proxy.poison({ kind: "refuse" });
      send(world, 4712n, "EUR", "order-18");
      const held = (answer: FindAnswer) => state(answer) === "held";
      const { events: [event] } = await untilAnswered(
        async () => (await found(world, "4712")).answer,
        held,
        "the subscriber holds it",
      );
      const last = event!.stations.at(-1)!;
      deepStrictEqual([last.station, last.by, event!.sent_id, event!.event?.["id"]], [
        ...["held", "holder", "order-18", 4712],
      ]);
      match(last.detail, /^in a batch: /);
      strictEqual(Date.parse(last.at!) <= Date.now(), true);
      // The subscriber itself cannot query the same database, and its answer says that.
      const answer: FindAnswer = await getJson(`${http}/find?id=order-18`);
      deepStrictEqual([state(answer), answer.looked[0]!.complete], ["held", false]);
      const other = await found(world, "4713");
      deepStrictEqual([other.code, other.answer.events, other.answer.looked[1]!.outcome], [
        ...[1, [], "0 events held; 1 asked"],
      ]);
      proxy.poison();
      await untilAnswered(
        async () => (await found(world, "4712")).answer,
        (it) => state(it) === "stored",
        "it is stored",
      );
      const { answer: { events: [bySentId] } } = await found(world, "order-18");
      deepStrictEqual([bySentId!.message_id, bySentId!.sent_id], [event!.message_id, "order-18"]);
    });

    await t.step("an event that is nowhere, or in the queue, which cannot be searched", async () => {
      await world.stop(subscriber);
      const { code, answer } = await found(world, "4713");
      deepStrictEqual([code, answer.looked.map(({ complete }) => complete)], [1, [true, true, true, true]]);
      match(answer.verdict, /^Not found: the event was never published here, or it was removed/);
      send(world, 4713n, "EUR", "order-19");
      const unsure = await untilAnswered(
        async () => (await found(world, "4713")).answer,
        ({ looked }) => !looked[3]!.complete,
        "it waits",
      );
      strictEqual(
        unsure.verdict,
        "Not found, but the event may be in the queues: the search there is incomplete.",
      );
      strictEqual(unsure.looked[3]!.outcome, `1 message in ${world.events}, not searched: a queue cannot be searched`);
    });

    await t.step("a server that is away is named, and wrong arguments are rejected", async () => {
      const env = { ...world.env, REDIS_URL: "redis://127.0.0.1:1", RABBITMQ_URL: "amqp://127.0.0.1:1" };
      const { code, stdout } = await world.members.run("find", ["2"], env);
      deepStrictEqual([code, /^The event is stored\.$/m.test(stdout)], [0, true]);
      match(stdout, /^Subscribers {3}not asked: Redis .*\nDead letters .*\nQueues {8}not searched: RabbitMQ /m);
      for (const args of [[], ["1", "2"], ["1", "--player", "11"], ["--player", "11"]]) {
        strictEqual((await world.tryRunning("find", args)).code, 2, args.join(" "));
      }
    });
  });
});
