/** Asks what answers at a server's address, by the server's own protocol. Changes nothing. */
import "../../shared/without_env.ts";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { messageOf } from "../../shared/errors.ts";
import { closePostgres, openPostgres } from "../../shared/postgres.ts";
import { type Answer, delay, type ServerName } from "./server.ts";

const timeoutMs = 5_000;

/** Least versions: RabbitMQ's quorum queues with at-least-once dead lettering, Redis's and Postgres's maintained features. */
const least: Readonly<Record<ServerName, number>> = { rabbitmq: 3, redis: 6, postgres: 14 };

const absent = /ECONNREFUSED|CONNECT_TIMEOUT|EHOSTUNREACH|ENOTFOUND|ETIMEDOUT|os error 111/;
const strangers = "something else uses this port";

export async function probe(name: ServerName, url: URL): Promise<Answer> {
  const asking = probes[name](url).catch((error): Answer => {
    const problem = messageOf(error);
    return absent.test(`${error?.code} ${problem}`) ? { kind: "absent" } : { kind: "misfit", problem };
  });
  const late = delay(timeoutMs).then((): Answer => ({
    kind: "misfit",
    problem: `${strangers}: no answer in ${timeoutMs} ms`,
  }));
  return await Promise.race([asking, late]);
}

const probes: Readonly<Record<ServerName, (url: URL) => Promise<Answer>>> = {
  async rabbitmq(url) {
    try {
      const connection = await connect(url.href, { timeout: timeoutMs });
      const version = String(connection.connection.serverProperties.version);
      await connection.close();
      const [major = 0, minor = 0] = version.split(".").map(Number);
      return major > 3 || minor >= 10 ? { kind: "fits", version } : tooOld(version, "3.10");
    } catch (error) {
      const problem = messageOf(error);
      if (/ACCESS[_-]REFUSED|NOT[_-]ALLOWED|handshake terminated/i.test(problem)) {
        return { kind: "misfit", problem: "it refuses the user, password or virtual host of the URL" };
      }
      if (/frame|protocol|socket closed|heartbeat|ECONNRESET|timed? ?out/i.test(problem)) {
        return { kind: "misfit", problem: `${strangers} (${problem})` };
      }
      throw error;
    }
  },

  async redis(url) {
    const redis = new Redis(url.href, {
      lazyConnect: true,
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    redis.on("error", () => {});
    try {
      await redis.connect();
      const version = /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "0";
      return parseFloat(version) >= least.redis ? { kind: "fits", version } : tooOld(version, String(least.redis));
    } catch (error) {
      const problem = messageOf(error);
      if (/NOAUTH|WRONGPASS|NOPERM/.test(problem)) {
        return { kind: "misfit", problem: "it refuses the user or password of the URL" };
      }
      if (/Protocol error|ERR|ECONNRESET/.test(problem)) {
        return { kind: "misfit", problem: `${strangers} (${problem})` };
      }
      if (/Connection is closed/.test(problem)) {
        return (await isListening(url)) ? { kind: "misfit", problem: strangers } : { kind: "absent" };
      }
      throw error;
    } finally {
      redis.disconnect();
    }
  },

  async postgres(url) {
    const sql = openPostgres(url.href, { name: "casino-up" });
    try {
      const [row] = await sql`select current_setting('server_version') as version`;
      const version = String(row?.["version"]);
      return parseFloat(version) >= least.postgres
        ? { kind: "fits", version }
        : tooOld(version, String(least.postgres));
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      // 28: invalid authorization, 3D000: no such database. PostgreSQL documentation, appendix A.
      if (/^28|^3D000$/.test(code)) return { kind: "bare", problem: messageOf(error) };
      if (/^[0-9A-Z]{5}$/.test(code)) return { kind: "misfit", problem: messageOf(error) };
      if (/CONNECTION_CLOSED|ECONNRESET/.test(code)) return { kind: "misfit", problem: strangers };
      throw error;
    } finally {
      await closePostgres(sql);
    }
  },
};

/** Whether anybody accepts connections there. */
export async function isListening({ hostname, port }: URL): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) })).close();
    return true;
  } catch {
    return false;
  }
}

function tooOld(version: string, needed: string): Answer {
  return { kind: "misfit", problem: `it is version ${version}, and ${needed} is the least that will do` };
}
