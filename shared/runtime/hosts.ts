/**
 * Checks the hosts in settings against Deno's permissions at startup. Otherwise a process would retry for ever, and a
 * host that it may not reach would look like a server that is down.
 */

/**
 * Whether only programs on this machine can connect to the host.
 * @param hostname as in a URL or an address; IPv6 with or without brackets
 */
export function isLoopback(hostname: string): boolean {
  if (!hostname.includes(":")) return /^(localhost|127(\.\d{1,3}){3})$/.test(hostname);
  const url = `http://[${hostname.replace(/^\[|\]$/g, "")}]`;
  // URL normalizes the many spellings of an IPv6 address; 7f is 127.
  return URL.canParse(url) && /^\[::(1|ffff:7f[\da-f]{2}:[\da-f]{1,4})\]$/.test(new URL(url).hostname);
}

/** A place that a setting or flag makes the process connect to or listen on. */
export interface Place {
  /** The setting without credentials: `RABBITMQ_URL=amqp://rabbit.example`. */
  readonly shown: string;
  /** The host as in Deno's permissions: `rabbit.example:5672`. */
  readonly host: string;
  readonly listens?: boolean;
}

const portsOfSchemes: Readonly<Record<string, number>> = {
  "amqp:": 5672,
  "amqps:": 5671,
  "redis:": 6379,
  "rediss:": 6379,
  "postgres:": 5432,
  "postgresql:": 5432,
};

/** Returns the places in valid settings: a URL in `…_URL`, host:port in `…_ADDRESS` and `…_PROXY`. */
export function placesIn(config: Readonly<Record<string, unknown>>): Place[] {
  const places: Place[] = [];
  for (const [name, value] of Object.entries(config)) {
    if (typeof value !== "string") continue;
    // With a proxy, the process connects only to the proxy.
    if (name === "RATES_API_ADDRESS" && config["RATES_API_PROXY"] !== undefined) continue;
    if (name.endsWith("_ADDRESS") || name.endsWith("_PROXY")) places.push({ shown: `${name}=${value}`, host: value });
    if (!name.endsWith("_URL")) continue;
    const { protocol, host, hostname, port } = new URL(value);
    places.push({
      shown: `${name}=${protocol}//${host}`,
      host: `${hostname}:${port || portsOfSchemes[protocol]}`,
    });
  }
  return places;
}

/** Returns one sentence per place that the process may not use. Each sentence has the way out for all places. */
export function refusals(places: readonly Place[], mayUse: (host: string) => boolean = mayUseHost): string[] {
  const refused = places.filter(({ host }) => !mayUse(host));
  const hosts = [...new Set(refused.map(({ host }) => host))].map((host) => `,${host}`).join("");
  return refused.map(({ shown, listens }) =>
    `${shown} names a host that this process may not ${
      listens ? "listen at" : "connect to"
    }: start it with ALLOW_NET=${hosts}`
  );
}

function mayUseHost(host: string): boolean {
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}
