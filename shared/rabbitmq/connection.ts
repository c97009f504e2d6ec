/** The only module that opens and reopens connections to the broker. */
import { type ChannelModel, connect as dial } from "amqplib";
import { cutConnection } from "../runtime/deno_workarounds/amqp_cut_connection.ts";
import { rememberProperties } from "../runtime/deno_workarounds/amqp_exact_properties.ts";
import { settledWithin, untilAborted } from "../runtime/deadline.ts";
import { type Backoff, backoffMs, type Clock } from "../runtime/clock.ts";
import { redact } from "../runtime/secrets.ts";
import { isPermanentBrokerError, messageOf, PermanentError } from "../runtime/errors.ts";
import type { Random } from "../runtime/random.ts";
import type { Log } from "../runtime/telemetry/log.ts";
import { listensAt } from "../runtime/presence/listens.ts";
import { untilReturned } from "../runtime/presence/until_returned.ts";
import { nothingListens, otherServerAt } from "../runtime/server_kind.ts";
import { splitTls } from "../runtime/tls.ts";

export interface BrokerOptions {
  readonly url: string;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default: {@linkcode openConnection}. The simulation passes its own. */
  readonly connect?: (options: Pick<BrokerOptions, "url" | "name">) => Promise<ChannelModel>;
  /** Ends a wait for the broker early. Default: {@linkcode brokerListensAt}, unless `connect` is given. */
  readonly isThere?: (url: string) => Promise<boolean>;
}

const backoff: Backoff = { first: 100, most: 5_000 };
/** A connection counts as having worked if it lived this long before it was lost, or before its `use` failed. */
const [lostAfterMs, workedMs] = [100, 1_000];
/**
 * How long a login that has worked is retried after the broker rejects it. The password may be changing on both sides,
 * or the broker's authentication backend may be down.
 */
const refusedForMs = 10 * 60_000;
/** A slow broker takes seconds to reject the first request. A connection that is still open after this has worked. */
const provenMs = 30_000;
const connectTimeoutMs = 10_000;
const closeTimeoutMs = 2_000;
const unwindTimeoutMs = 5_000;
/** Two missed heartbeats mean that the connection is lost. A `heartbeat` in the URL takes precedence. */
const heartbeatSeconds = 10;

/**
 * Calls `use` with an open connection. When the connection is lost or `use` throws, backs off and reconnects. Resolves
 * when `use` returns on a live connection, or the signal is aborted.
 * @param use gets a signal that is aborted when the connection is lost
 * @throws errors that a retry does not fix: bad credentials, a topology that does not match. Once a connection has
 * worked, throws them only after the broker has rejected us for 10 minutes
 */
export async function keepConnected(
  options: BrokerOptions,
  use: (connection: ChannelModel, lost: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { name, url, clock, random, log, connect = openConnection } = options;
  const { isThere = options.connect ? undefined : brokerListensAt } = options;
  let attempt = 0;
  let hasWorked = false;
  let refusedAt: number | undefined;
  while (!signal.aborted) {
    let connection: ChannelModel | undefined;
    let openedAt = Infinity;
    const lost = new AbortController();
    try {
      connection = await connect(options);
      openedAt = clock.monotonic();
      connection.on("error", (error: Error) => lost.abort(error));
      connection.on("close", (error?: Error) => lost.abort(error ?? new Error("the broker closed the connection")));
      if (attempt > 0) log.info("Connected to the broker again", { connection: name });
      await untilUnwound(use(connection, lost.signal), lost.signal, clock);
      if (!lost.signal.aborted) return;
      throw lost.signal.reason;
    } catch (error) {
      if (signal.aborted) return;
      // After a connection that worked, we reconnect soon. We back off when the connection never opened, when the
      // broker closed it at once, or when `use` failed at once, for example because a queue is missing.
      const livedMs = clock.monotonic() - openedAt;
      const worked = livedMs >= (lost.signal.aborted ? lostAfterMs : workedMs);
      attempt = worked ? 1 : attempt + 1;
      hasWorked ||= lost.signal.aborted ? worked : livedMs >= provenMs;
      const delay = backoffMs(attempt, backoff, random);
      const told = {
        connection: name,
        broker: redact(url),
        reason: messageOf(error),
        retryInMs: Math.round(delay),
      };
      if (isPermanentBrokerError(error)) {
        if (worked) refusedAt = undefined;
        refusedAt ??= clock.monotonic();
        if (!hasWorked || clock.monotonic() - refusedAt >= refusedForMs) throw error;
        log.error("The broker rejects a login or a topology that it accepted before; trying again", {
          event: "broker.refusing",
          ...told,
        });
      } else {
        log.warn("No connection to the broker; trying again", { event: "broker.unreachable", ...told });
      }
      if (!isThere) await clock.sleep(delay, signal).catch(() => {});
      else {
        const waiting = { ms: delay, wasAway: nothingListens(error), isThere: () => isThere(url), clock, random };
        // A broker that has just returned may refuse the first attempts: the next follow soon.
        if (await untilReturned(waiting, signal)) attempt = 1;
      }
    } finally {
      if (connection) await closeConnection(connection, clock);
    }
  }
}

/** Whether something listens at the broker's address. */
export function brokerListensAt(url: string): Promise<boolean> {
  return listensAt(url, new URL(url).protocol === "amqps:" ? 5671 : 5672);
}

/** After the connection is lost, `use` gets 5 s to unwind; then we reconnect anyway. */
async function untilUnwound(using: Promise<void>, lost: AbortSignal, clock: Clock): Promise<void> {
  const ended = new AbortController();
  const tooLate = untilAborted(lost).then(async () => {
    await clock.sleep(unwindTimeoutMs, ended.signal).catch(() => {});
    throw lost.reason;
  });
  tooLate.catch(() => {});
  try {
    await Promise.race([using, tooLate]);
  } finally {
    ended.abort();
  }
}

/**
 * Opens one connection without reconnecting, for commands.
 * @throws {PermanentError} when the broker rejects the login
 */
export async function openConnection({ url, name }: Pick<BrokerOptions, "url" | "name">): Promise<ChannelModel> {
  const { url: target, tls } = splitTls(url);
  if (!target.searchParams.has("heartbeat")) target.searchParams.set("heartbeat", String(heartbeatSeconds));
  try {
    const connection = await dial(target.href, {
      timeout: connectTimeoutMs,
      noDelay: true,
      ...tls,
      clientProperties: { connection_name: name },
    });
    rememberProperties(connection);
    return connection;
  } catch (error) {
    if (!isPermanentBrokerError(error)) {
      throw (nothingListens(error) ? undefined : await otherServerAt(url, "RabbitMQ")) ?? error;
    }
    const user = decodeURIComponent(target.username);
    throw new PermanentError(
      `RabbitMQ at ${target.host} rejected the login of ${user} in RABBITMQ_URL: ${messageOf(error)}`,
    );
  }
}

/** Closes the connection, and its socket if the broker does not answer within 2 s. Never rejects. */
export async function closeConnection(connection: ChannelModel, clock: Clock): Promise<void> {
  connection.on("error", () => {});
  // close() throws on a closed connection.
  const closed = (async () => await connection.close())();
  if (await settledWithin(closeTimeoutMs, clock, closed)) return;
  cutConnection(connection);
}
