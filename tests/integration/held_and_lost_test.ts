/** An event is held because of a lock while the connection to the broker is lost, again and again. */
import { Buffer } from "node:buffer";
import { deepStrictEqual, match } from "node:assert/strict";
import type { Delivery, EventQueue } from "../../shared/rabbitmq/delivery.ts";
import { Session } from "../../shared/postgres/session.ts";
import { encodeEvent } from "../../shared/event/protobuf.ts";
import { bet } from "../fixtures/deliveries.ts";
import { eventually } from "../fixtures/eventually.ts";
import { lockingPlayers, Subscriber, whileItRuns } from "../servers/altered_postgres.ts";
import {
  consumerOn,
  inQueue,
  type TestQueues,
  untilConsuming,
  untilNotConsuming,
  withProxiedQueues,
} from "../servers/test_queues.ts";
import { withTestSchema } from "../servers/test_schema.ts";

const options = { speed: 50, timeoutMs: 300, batchSize: 100 };

function publish({ channel, events }: TestQueues, playerId: bigint, count: number): void {
  for (let n = 0; n < count; n++) {
    const messageId = crypto.randomUUID();
    channel.publish(events, "", Buffer.from(encodeEvent(bet({ playerId, currency: "EUR" }))), { messageId });
  }
}

Deno.test("a player's events wait for a lock while the broker connection is lost three times: others are stored meanwhile, and no delivery of a lost channel is held", async () => {
  await withTestSchema((sql, url) =>
    withProxiedQueues(async (queues, proxy) => {
      const subscriber = new Subscriber(sql, url);
      await sql.query(`${lockingPlayers} insert into locks values (77)`);
      const { gate } = subscriber;
      const consumer = consumerOn(queues, { mayTake: () => gate.mayTake });
      const taken: Delivery[] = [];
      const settled = new Set<Delivery>();
      const queue: EventQueue = {
        async take(limit, signal) {
          const deliveries = await consumer.take(limit, signal);
          taken.push(...deliveries);
          return deliveries;
        },
        settle(settlements, signal) {
          for (const { delivery } of settlements) settled.add(delivery);
          return consumer.settle(settlements, signal);
        },
      };
      const inHand = () => taken.filter((delivery) => !settled.has(delivery));
      await using rival = new Session(url, { name: "casino-test" });
      try {
        await untilConsuming(consumer);
        await whileItRuns(subscriber, queue, async () => {
          publish(queues, 77n, 1);
          await eventually("one that is stored", async () => await subscriber.rows() === 1);
          // The probe copies the last stored event, so the last one must be of another player.
          publish(queues, 11n, 1);
          await eventually("another one", async () => await subscriber.rows() === 2);
          await rival.transaction(async (ask) => {
            await ask("select from locks where player_id = 77 for update");
            publish(queues, 77n, 1);
            for (let stored = 2, losses = 0; losses <= 3; losses++) {
              publish(queues, 11n, 20);
              stored += 20;
              await eventually("the others are stored", async () => await subscriber.rows() === stored);
              // Its batch may hold other events, whose outcomes wait for it.
              const problem = await eventually("it is held, and no delivery of a lost channel is", () => {
                const deliveries = inHand();
                return deliveries.length > 0 && deliveries.every(({ isLost }) => !isLost) && gate.problem;
              });
              match(problem, /lock timeout/);
              if (losses === 3) break;
              proxy.cut();
              await untilNotConsuming(consumer);
              await untilConsuming(consumer);
            }
          });
          await eventually("all are stored", async () => await subscriber.rows() === 83);
          await eventually("nothing in hand", () => inHand().length === 0);
          deepStrictEqual([gate.isOpen, consumer.unsettled], [true, 0]);
          await inQueue(queues, queues.dead, 0);
        }, options);
      } finally {
        await consumer.close();
      }
    })
  );
});
