/** Which parameters a server's URL may have in its query. database_url.ts says what those of DATABASE_URL mean. */
import { printable } from "../printable.ts";
import { hidden } from "../secrets.ts";

/**
 * A parameter that is not known is refused: ignored, it would not do what it was written for, and passed on to a client, it
 * could undo what we set.
 * @throws {RangeError} whose message says what would be right
 */
export function mustBeKnown({ searchParams }: URL, known: readonly string[]): void {
  for (const name of new Set(searchParams.keys())) {
    if (!known.includes(name)) {
      // Without a value it is what follows an unescaped & in somebody's password.
      const shown = searchParams.get(name) === "" ? hidden : printable(name);
      throw new RangeError(
        `a URL without the parameter ${shown}: those that it may have are ${known.join(", ")}`,
      );
    }
    if (searchParams.getAll(name).length > 1) throw new RangeError(`a URL with one ${name}`);
  }
}

/** A whole number of seconds; `undefined` where the URL does not have it. @throws {RangeError}, as above */
export function secondsIn({ searchParams }: URL, name: string, most: number): number | undefined {
  const text = searchParams.get(name);
  if (text === null) return undefined;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > most) {
    throw new RangeError(`a URL with ${name} in whole seconds from 1 to ${most}`);
  }
  return seconds;
}

/** Named as in RabbitMQ's URI specification: rabbitmq.com/docs/uri-query-parameters */
const tlsFiles = ["cacertfile", "certfile", "keyfile"];
const longestHeartbeatSeconds = 600;

/** RABBITMQ_URL and its like. Without heartbeats, a broker that is silent would not be found lost. */
export function checkBrokerUrl(url: URL): void {
  mustBeKnown(url, ["heartbeat", ...tlsFiles]);
  secondsIn(url, "heartbeat", longestHeartbeatSeconds);
}

/** REDIS_URL. A password in the query would pass by the check that none leaves this machine unencrypted. */
export function checkCacheUrl(url: URL): void {
  mustBeKnown(url, tlsFiles);
}
