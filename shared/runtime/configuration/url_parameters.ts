/** Checks the query parameters of server URLs. database_url.ts explains the parameters of DATABASE_URL. */
import { printable } from "../printable.ts";
import { hidden } from "../secrets.ts";

/**
 * Rejects unknown parameters. An ignored parameter would silently have no effect, and a client could apply it over our
 * settings.
 * @throws {RangeError} with a message that lists the valid parameters
 */
export function mustBeKnown({ searchParams }: URL, known: readonly string[]): void {
  for (const name of new Set(searchParams.keys())) {
    if (!known.includes(name)) {
      // A parameter without a value may be the rest of a password with an unescaped &.
      const shown = searchParams.get(name) === "" ? hidden : printable(name);
      throw new RangeError(
        `a URL without the parameter ${shown}: those that it may have are ${known.join(", ")}`,
      );
    }
    if (searchParams.getAll(name).length > 1) throw new RangeError(`a URL with one ${name}`);
  }
}

/**
 * Returns an integer number of seconds; `undefined` if the URL does not have the parameter.
 * @throws {RangeError} as above
 */
export function secondsIn({ searchParams }: URL, name: string, most: number): number | undefined {
  const text = searchParams.get(name);
  if (text === null) return undefined;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > most) {
    throw new RangeError(`a URL with ${name} in whole seconds from 1 to ${most}`);
  }
  return seconds;
}

/** Names of RabbitMQ's URI specification: rabbitmq.com/docs/uri-query-parameters */
const tlsFiles = ["cacertfile", "certfile", "keyfile"];
const longestHeartbeatSeconds = 600;

/** Checks RABBITMQ_URL and similar URLs. Rejects `heartbeat=0`: without heartbeats, a silent broker goes unnoticed. */
export function checkBrokerUrl(url: URL): void {
  mustBeKnown(url, ["heartbeat", ...tlsFiles]);
  secondsIn(url, "heartbeat", longestHeartbeatSeconds);
}

/** Checks REDIS_URL. A password in the query would bypass the check for unencrypted credentials. */
export function checkCacheUrl(url: URL): void {
  mustBeKnown(url, tlsFiles);
}
