/** The one place that opens connections to the broker, and opens them again. */
import { type ChannelModel, connect as dial } from "amqplib";
import { cutConnection } from "../runtime/deno_workarounds/amqp_cut_connection.ts";
import { rememberProperties } from "../runtime/deno_workarounds/amqp_exact_properties.ts";
import { settledWithin, untilAborted } from "../runtime/deadline.ts";
import { type Backoff, backoffMs, type Clock } from "../runtime/clock.ts";
import { redact } from "../runtime/secrets.ts";
import { isPermanentBrokerError, messageOf, PermanentError } from "../runtime/errors.ts";
import type { Random } from "../runtime/random.ts";
import type { Log } from "../runtime/telemetry/log.ts";
import { nothingListens, otherServerAt } from "../runtime/server_kind.ts";
import { splitTls } from "../runtime/tls.ts";

export interface BrokerOptions {
  readonly url: string;
  /** Shown in the broker's list of connections. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** {@linkcode openConnection} if left out; simulation has its own. */
  readonly connect?: (options: Pick<BrokerOptions, "url" | "name">) => Promise<ChannelModel>;
}

const backoff: Backoff = { first: 100, most: 5_000 };
/** A connection had worked if it lived this long before it was lost, or before its use failed. */
const [lostAfterMs, workedMs] = [100, 1_000];
/**
 * What has worked is tried again for this long after the broker refused it: a password is being changed on both sides, or the
 * broker's authentication backend is away.
 */
const refusedForMs = 10 * 60_000;
/** A slow broker takes some seconds until it refuses the first request: a connection that is still open has worked after this. */
const provenMs = 30_000;
const connectTimeoutMs = 10_000;
const closeTimeoutMs = 2_000;
const unwindTimeoutMs = 5_000;
/** Two missed heartbeats mean that the broker is gone. A `heartbeat` in the URL wins. */
const heartbeatSeconds = 10;

/**
 * Calls `use` with an open connection; when the connection is lost, or `use` throws, waits a little and does so again.
 * Ends when `use` returns on a live connection, or the signal is aborted.
 * @param use gets a signal of its own that is aborted when its connection is lost
 * @throws what no retry cures: bad credentials, a topology that does not fit. Once a connection has worked, only when the
 * broker has refused for 10 minutes
 */
export async function keepConnected(
  options: BrokerOptions,
  use: (connection: ChannelModel, lost: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { name, url, clock, random, log, connect = openConnection } = options;
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
      // We reconnect soon after a connection that had worked. We back off when it never came up, when the broker ends it at
      // once, or when it was of no use because a queue is missing.
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
        log.error("The broker refuses what had worked, trying again", { event: "broker.refusing", ...told });
      } else {
        log.warn("No connection to the broker, trying again", { event: "broker.unreachable", ...told });
      }
      await clock.sleep(delay, signal).catch(() => {});
    } finally {
      if (connection) await closeConnection(connection, clock);
    }
  }
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

/** Opens one connection, without reconnecting: for commands. @throws {PermanentError} when the login is refused */
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
      `RabbitMQ at ${target.host} refuses the login of ${user} in RABBITMQ_URL: ${messageOf(error)}`,
    );
  }
}

/** Orderly if the broker answers within 2 s, else by closing the socket. Never throws. */
export async function closeConnection(connection: ChannelModel, clock: Clock): Promise<void> {
  connection.on("error", () => {});
  // One that is closed already throws.
  const closed = (async () => await connection.close())();
  if (await settledWithin(closeTimeoutMs, clock, closed)) return;
  cutConnection(connection);
}
