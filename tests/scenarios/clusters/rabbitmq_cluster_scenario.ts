/** RabbitMQ on three nodes: nodes are lost and restarted while events arrive. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAllStored, queues, withBatch } from "../../harness/batch.ts";
import { shardQueuesOf } from "../../../shared/runtime/configuration/queue_names.ts";
import { isListening } from "../../../tools/services/probe.ts";
import { type Node, RabbitmqCluster } from "./rabbitmq_cluster.ts";
import { readDocument } from "../operations/document.ts";
import { Operator } from "../operations/operator.ts";

const { EVENTS_QUEUE, DEAD_LETTER_QUEUE } = queues;

Deno.test("three nodes, some of them down", async (t) => {
  await using cluster = await RabbitmqCluster.start();
  await withBatch(
    async (world, batch, ledger) => {
      const on = () => cluster.online(EVENTS_QUEUE).catch(() => 0);
      const untilWhole = () => eventually("all nodes", async () => await on() === 3 || undefined);
      const untilSettled = async () => {
        strictEqual(ledger.confirmed, ledger.attempted, "confirmed of those that were published");
        await world.untilSettled(ledger, DEAD_LETTER_QUEUE);
      };
      await untilWhole();

      await t.step(
        "one node after the other restarts, as in operations.md: events are stored throughout",
        async () => {
          const { elsewhere } = await readDocument("operations.md");
          const commands = elsewhere.filter(({ scenario }) =>
            scenario === "tests/scenarios/clusters/rabbitmq_cluster_scenario.ts"
          );
          const [onEach, atTheEnd] = commands.map(({ command }) => command);
          strictEqual(commands.length, 2);
          for (const node of cluster.nodes) {
            await using operator = await operatorOf(node, async () => {
              await node.stop();
              await batch.publish(100);
              await untilSettled();
              await node.start();
            });
            await operator.try(onEach!, undefined, node.name);
            await batch.publish(100);
            await untilSettled();
          }
          await using operator = await operatorOf(cluster.nodes[0]!);
          await operator.try(atTheEnd!, undefined, "the end");
          await untilWhole();
        },
      );

      await t.step("the node that leads the queue is killed repeatedly while events arrive", async () => {
        let killed = Promise.resolve();
        const leaders = new Set<string>();
        await batch.publish(6_000, (sent) => {
          if (sent % 2_000 !== 1_000) return;
          killed = killed.then(async () => {
            const leader = await cluster.leaderOf(EVENTS_QUEUE);
            leaders.add(leader.name);
            await leader.kill();
            await leader.start();
            await untilWhole();
          });
        });
        await killed;
        strictEqual(leaders.size > 1, true, `led by ${[...leaders]} alone`);
        await untilSettled();
      });

      await t.step(
        "while two nodes are down nothing is confirmed, and publishing continues when they are back",
        async () => {
          const [, ...away] = cluster.nodes;
          for (const node of away) await node.kill();
          const before = ledger.confirmed;
          const publishing = batch.publish(500);
          await new Promise((resolve) => setTimeout(resolve, 5_000));
          deepStrictEqual([ledger.confirmed, await world.rows()], [before, before]);
          await Promise.all(away.map((node) => node.start()));
          await publishing;
        },
      );

      await t.step("all confirmed events are stored once, and none is dead", async () => {
        await checkAllStored(world, ledger, ledger.attempted);
      });
    },
    2,
    { RABBITMQ_URL: cluster.url },
  );
});

Deno.test("three nodes with four events queues, whose leaders are spread, while events arrive", async (t) => {
  await using cluster = await RabbitmqCluster.start();
  const shards = shardQueuesOf(EVENTS_QUEUE, 4);
  await withBatch(
    async (world, batch, ledger) => {
      const untilWhole = () =>
        eventually("all nodes", async () => {
          const online = await Promise.all(shards.map((queue) => cluster.online(queue).catch(() => 0)));
          return online.every((nodes) => nodes === 3) || undefined;
        });
      const leaders = async () => new Set(await Promise.all(shards.map((queue) => cluster.leaderOf(queue))));
      await untilWhole();
      strictEqual((await leaders()).size > 1, true, "one node leads all");

      await t.step("the leader of each shard is killed in turn", async () => {
        let killed = Promise.resolve();
        await batch.publish(8_000, (sent) => {
          if (sent % 2_000 !== 500) return;
          killed = killed.then(async () => {
            const leader = await cluster.leaderOf(shards[Math.floor(sent / 2_000)]!);
            await leader.kill();
            await leader.start();
            await untilWhole();
          });
        });
        await killed;
        await world.untilSettled(ledger, DEAD_LETTER_QUEUE);
      });

      await t.step("the leader of a shard is partitioned away, and returns", async () => {
        const away = await cluster.leaderOf(shards[1]!);
        const others = cluster.nodes.filter((node) => node !== away);
        const during = batch.publish(2_000);
        const heal = await away.partition(others);
        await eventually("the node is cut off", async () => !await isListening(away.url) || undefined);
        await batch.publish(2_000);
        await during;
        await world.untilSettled(ledger, DEAD_LETTER_QUEUE);
        strictEqual(await isListening(away.url), false, "the minority pauses itself until the partition ends");
        await heal();
        await untilWhole();
        await batch.publish(500);
      });

      await checkAllStored(world, ledger, ledger.attempted);
    },
    2,
    { RABBITMQ_URL: cluster.url, EVENTS_SHARDS: "4" },
  );
});

/** An operator on a node. The test acts as the node's service manager. */
async function operatorOf(
  node: Node,
  restart = () => Promise.resolve(),
): Promise<Operator & AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "casino-path-" });
  await Deno.chmod(folder, 0o755);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    await restart();
    return new Response("restarted\n");
  });
  const operator = new Operator(folder, folder, "");
  for (const tool of ["rabbitmq-queues", "rabbitmq-upgrade", "rabbitmq-diagnostics"]) {
    await operator.shadow(tool, node.tools.script(tool));
  }
  await operator.shadow("systemctl", `test "$*" = "restart rabbitmq-server" && curl -sS http://${hostOf(server)}`);
  return Object.assign(operator, {
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  });
}

function hostOf({ addr }: Deno.HttpServer<Deno.NetAddr>): string {
  return `${addr.hostname}:${addr.port}`;
}
