/** `deno task find` */
import { DatabasePool } from "../../shared/postgres/pool.ts";
import { closeRedis } from "../../shared/redis/client.ts";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { runCommand, UsageError } from "../../shared/runtime/configuration/command.ts";
import { printableJson } from "../../shared/runtime/printable.ts";
import { find } from "../../subscriber/find/find.ts";
import { type FindWords, parseFind } from "../../subscriber/find/query.ts";
import { RedisFleet } from "../../subscriber/metrics/fleet/redis_fleet.ts";
import { openConnected, queuesReader } from "../status/readers.ts";
import { drawAnswer } from "./screen.ts";

/** Without an index for finds, or on tables that are not in memory, a query takes seconds. */
const queryTimeoutMs = 30_000;
/** Longest time for closing the connections. */
const closeMs = 1_000;

await runCommand({
  name: "deno task find",
  summary:
    "Shows where an event is, and what happened to it: stored, held by a subscriber, dead, replayed or dropped.\n" +
    "ID is an event id, a message id in any form, or the id that the publisher sent. If no event is found, the command\n" +
    "lists the places that it searched, and exits with status 1.",
  operands: "[ID]",
  flags: {
    player: { value: "ID", help: "find events of this player; requires --at" },
    at: { value: "TIME", help: "time of the event, UTC unless TIME has a zone: 2022-02-02T12:34" },
    within: { value: "SPAN", help: "with --at: search this long before and after TIME: 90s, 5m, 2h, up to 24h [5m]" },
    json: { help: "print one JSON object" },
  },
  settings: [
    ...["RABBITMQ_URL", "EVENTS_EXCHANGE", "EVENTS_QUEUE", "EVENTS_SHARDS", "DEAD_LETTER_QUEUE"] as const,
    ...["REDIS_URL", "REDIS_KEY_PREFIX", "DATABASE_URL"] as const,
  ],
  examples: [
    "deno task find 12345",
    "deno task find 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "deno task find --player 11 --at 2022-02-02T12:34",
    "deno task find --json order-17 | jq .verdict",
  ],
}, async ({ flags: { json, ...words }, operands: [id, ...surplus], config }) => {
  if (surplus.length > 0) throw new UsageError(`find takes one id; "${surplus[0]}" is a second operand`);
  const query = queryOf({ ...words, id });
  const database = new DatabasePool(config.DATABASE_URL, {
    ...{ name: "casino-find", max: 2, timeoutMs: queryTimeoutMs, clock },
  });
  const opened = openConnected(config.REDIS_URL, "casino-find");
  const fleetOf = opened.then((redis) => new RedisFleet(redis, config.REDIS_KEY_PREFIX));
  fleetOf.catch(() => {});
  const queues = queuesReader(config, clock);
  const answer = await find(query, {
    ...{ database, clock, newId: () => crypto.randomUUID() },
    fleet: {
      read: async () => await (await fleetOf).read(),
      ask: async (question) => await (await fleetOf).ask(question),
      answers: async (questionId, ids) => await (await fleetOf).answers(questionId, ids),
    },
    async queues() {
      const { events, dead_letters } = await queues.read();
      return [...events.shards ?? [events], dead_letters];
    },
  });
  if (json) console.log(printableJson(JSON.stringify(answer)));
  else console.log(drawAnswer(answer, { colours: Deno.stdout.isTerminal() && !Deno.noColor }));
  const closing = [database.close(), queues.close(), opened.then(closeRedis)];
  await Promise.race([Promise.allSettled(closing), clock.sleep(closeMs)]);
  return answer.events.length > 0 ? 0 : 1;
});

function queryOf(words: FindWords) {
  try {
    return parseFind(words);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}
