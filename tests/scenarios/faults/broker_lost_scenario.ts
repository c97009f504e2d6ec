/** Connections to the broker, and the broker itself, are lost while events arrive. */
import { checkAllStored } from "../../harness/batch.ts";
import { sharedWorld } from "./shared_world.ts";

const test = sharedWorld();

test(
  "the broker restarts at one third and is killed at one half of 10,000 messages: all are confirmed and stored once",
  async ({ world, batch, ledger }) => {
    const count = 10_000;
    const faults: Promise<void>[] = [];
    await batch.publish(count, (sent) => {
      if (sent === Math.floor(count / 3)) {
        faults.push(world.servers.stop("rabbitmq").then(() => world.servers.restart()));
      }
      if (sent === count / 2) {
        faults.push(faults[0]!.then(() => world.servers.kill("rabbitmq")).then(() => world.servers.restart()));
      }
    });
    await Promise.all(faults);
    await checkAllStored(world, ledger, count);
  },
  { subscribers: 2 },
);

test(
  "connections are reset repeatedly during publishing, confirms and acks: all events are stored once",
  async ({ world, batch, ledger }) => {
    await batch.publish(8_000, (sent) => {
      if (sent % 1_500 === 700) world.servers.proxies.rabbitmq.cut();
    });
    await checkAllStored(world, ledger, 8_000);
  },
  { subscribers: 2 },
);
