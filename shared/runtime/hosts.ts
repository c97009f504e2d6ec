/**
 * The hosts that settings name. One that Deno does not let this process reach is refused at the start: otherwise the process
 * would try again for as long as it lives, and the host would look like a server that is away.
 */

/**
 * Whether only programs on this machine can connect to the host.
 * @param hostname as a URL or an address has it, IPv6 with brackets or without
 */
export function isLoopback(hostname: string): boolean {
  if (!hostname.includes(":")) return /^(localhost|127(\.\d{1,3}){3})$/.test(hostname);
  const url = `http://[${hostname.replace(/^\[|\]$/g, "")}]`;
  // In one of the many ways in which the same address can be written; 7f is 127.
  return URL.canParse(url) && /^\[::(1|ffff:7f[\da-f]{2}:[\da-f]{1,4})\]$/.test(new URL(url).hostname);
}

/** Where a setting, or a flag, has the process connect or listen. */
export interface Place {
  /** As the user wrote it, without credentials: `RABBITMQ_URL=amqp://rabbit.example`. */
  readonly shown: string;
  /** `rabbit.example:5672`, as permissions name it. */
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

/** The places that valid settings name: those called `…_URL`, `…_ADDRESS` and `…_PROXY` for host:port. */
export function placesIn(config: Readonly<Record<string, unknown>>): Place[] {
  const places: Place[] = [];
  for (const [name, value] of Object.entries(config)) {
    if (typeof value !== "string") continue;
    // Who goes through a proxy connects to that alone.
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

/** One sentence for each place that the process may not use, each with the way out for all of them. */
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
