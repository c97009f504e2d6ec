/** Identifies the server at an address by the server's own protocol. Changes nothing. */
import "../../shared/runtime/deno_workarounds/without_env.ts";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import { deadline } from "../../shared/runtime/deadline.ts";
import { messageOf } from "../../shared/runtime/errors.ts";
import { Session } from "../../shared/postgres/session.ts";
import { type Answer, isAtLeast, listenAddress, type ServerName } from "./server.ts";

const timeoutMs = 5_000;

/**
 * Minimum versions. RabbitMQ 3.10 introduced at-least-once dead lettering for quorum queues (its release notes); older
 * versions of Redis and Postgres were no longer maintained at the time of writing.
 */
const least: Readonly<Record<ServerName, string>> = { rabbitmq: "3.10", redis: "6.2", postgres: "14" };

const refused = "it refuses the user or the password of the URL";
const stranger = "something else uses this port";

/** Waits up to 5 s for an answer by protocol; a port without a listener is `absent` at once. */
export async function probe(name: ServerName, url: URL): Promise<Answer> {
  if (!await isListening(url)) return { kind: "absent" };
  const exceeded = () => new Error(`${stranger}: no answer in ${timeoutMs} ms`);
  return await deadline(probes[name](url), { ms: timeoutMs, clock, exceeded }).catch(misfit);
}

/** Returns whether a server accepts connections there within 5 s. */
export async function isListening(url: URL): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    (await Deno.connect({ hostname: listenAddress(url), port: Number(url.port), signal })).close();
    return true;
  } catch {
    return false;
  }
}

/** Each probe times out by itself and closes its connections. */
const probes: Readonly<Record<ServerName, (url: URL) => Promise<Answer>>> = {
  async rabbitmq(url) {
    try {
      const connection = await connect(url.href, { timeout: timeoutMs });
      const version = String(connection.connection.serverProperties.version);
      await connection.close();
      return judge("rabbitmq", version);
    } catch (error) {
      const problem = messageOf(error);
      if (/ACCESS[_-]REFUSED|handshake terminated/i.test(problem)) return misfit(refused);
      // The broker answers an unknown virtual host by closing the connection, and amqplib does not expose the reason.
      if (/NOT[_-]ALLOWED|ConnectionOpenOk/i.test(problem)) {
        return misfit("it refuses the URL's virtual host, or the user in it");
      }
      return misfit(`${stranger} (${problem})`);
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
    let cause: unknown;
    redis.on("error", (error) => cause = error);
    try {
      await redis.connect();
      return judge("redis", /redis_version:(\S+)/.exec(await redis.info("server"))?.[1] ?? "0");
    } catch (error) {
      const problem = messageOf(cause ?? error);
      return misfit(/NOAUTH|WRONGPASS|NOPERM/.test(problem) ? refused : `${stranger} (${problem})`);
    } finally {
      await hangUp(redis);
    }
  },

  async postgres(url) {
    await using sql = new Session(url.href, { name: "casino-up", timeoutMs });
    try {
      const { version } = await sql.one("select current_setting('server_version') as version");
      return judge("postgres", String(version));
    } catch (error) {
      const problem = messageOf(error);
      const code = String((error as { code?: unknown }).code);
      // 28: invalid authorization. 3D000: no such database, after a successful login. PostgreSQL documentation,
      // appendix A.
      if (/^28...$/.test(code)) return { kind: "bare", lacks: "login", problem };
      if (code === "3D000") return { kind: "bare", lacks: "database", problem };
      if (/^[0-9A-Z]{5}$/.test(code)) return misfit(problem);
      // pg throws this when it has no password to send; the error has no code.
      if (/client password must be a/.test(problem)) {
        return { kind: "bare", lacks: "login", problem: "it asks for a password, and the URL has none" };
      }
      return misfit(`${stranger} (${problem})`);
    }
  },
};

/** Resolves when the socket is closed; ioredis forces that after 2 s. */
async function hangUp(redis: Redis): Promise<void> {
  if (redis.status === "end") return;
  const ended = new Promise((resolve) => redis.once("end", resolve));
  redis.disconnect();
  await ended;
}

function judge(name: ServerName, version: string): Answer {
  if (isAtLeast(version, least[name])) return { kind: "fits", version };
  return misfit(`it is version ${version}, and ${least[name]} is the least that will do`);
}

function misfit(problem: unknown): Answer {
  return { kind: "misfit", problem: messageOf(problem) };
}
