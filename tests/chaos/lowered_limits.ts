/** Faults that lower a server's limits below what the members need. */
import type { Random } from "../../shared/runtime/random.ts";
import { withRedis } from "../harness/private_servers.ts";
import type { PrivateWorld } from "../harness/private_world.ts";
import { type Draw, lasting, servers } from "./fault.ts";
import type { Workers } from "./workers.ts";

/** RabbitMQ's default. */
const mostMessageBytes = 134_217_728;
/** An event has about 100 bytes, so it always fits. */
const lowestMessageBytes = 2_000;

/** @param redisUrl URL that always leads to the current primary Redis */
export function loweredLimits(world: PrivateWorld, workers: Workers, redisUrl: string, random: Random): Draw[] {
  const { servers: own } = world;
  const lowered = (name: string, begin: () => unknown, end: () => unknown): Draw => () =>
    lasting(name, servers, begin, end);

  /** A channel keeps the limit from when it was opened. */
  const setMessageBytes = async (most: number) => {
    await own.rabbitmqctl("eval", `application:set_env(rabbit, max_message_size, ${most}).`);
    await own.rabbitmqctl("close_all_connections", "a lowered limit");
  };
  const setting = (name: string, ms: number): Draw =>
    lowered(
      `postgres ${name} of ${ms} ms`,
      () => reload(`alter system set ${name} = ${ms}`),
      () => reload(`alter system reset ${name}`),
    );
  const reload = async (statement: string) => {
    await own.asSuperuser(statement);
    await own.asSuperuser("select pg_reload_conf()");
  };
  // The trigger sleeps once per statement, for longer than DATABASE_TIMEOUT_MS.
  const slowDown = `create or replace function slow_down() returns trigger language plpgsql
      as $$ begin perform pg_sleep(30); return null; end $$;
    create or replace trigger slow_down after insert on events execute function slow_down()`;
  const setMemory = (bytes: number) => withRedis(redisUrl, (redis) => redis.config("SET", "maxmemory", bytes));

  return [
    lowered(
      "rabbitmq max_message_size lowered",
      () => setMessageBytes(random.int(lowestMessageBytes, 50_000)),
      () => setMessageBytes(mostMessageBytes),
    ),
    setting("lock_timeout", random.int(1, 20)),
    setting("idle_session_timeout", random.int(1, 300)),
    lowered(
      "postgres statements time out",
      () => own.asSuperuser(slowDown),
      () => own.asSuperuser("drop trigger if exists slow_down on events"),
    ),
    () => {
      const n = random.int(0, workers.size - 1);
      const title = `postgres gives ${workers.nameOf(n)} one connection`;
      return lasting(title, servers, () => workers.limit(n, 1), () => workers.limit(n, -1));
    },
    lowered("redis maxmemory lowered", () => setMemory(1), () => setMemory(0)),
  ];
}
