/** RabbitMQ's users: each may do what its member does, and no more. */
import { eventTopology, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";

export interface BrokerRole {
  readonly user: string;
  readonly does: string;
  /** Regular expressions over the names of queues and exchanges: rabbitmq.com/docs/access-control */
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

const nothing = "^$";

export function brokerRoles(config: TopologyConfig): readonly BrokerRole[] {
  const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE } = config;
  const topology = eventTopology(config);
  const all = oneOf([...new Set(topology.flatMap(({ name, exchange }) => [name, exchange]))]);
  const delays = topology.filter(({ name }) => name !== EVENTS_QUEUE && name !== DEAD_LETTER_QUEUE);
  return [
    {
      user: "casino-provision",
      does: "deno task provision: declares and binds all, and nothing else",
      configure: all,
      // A queue that dead-letters to the default exchange, as those of RETRY_DELAYS_MS do, needs to write there.
      write: delays.length > 0 ? all.replace("^(", "^(amq\\.default|") : all,
      read: all,
    },
    {
      user: "casino-publisher",
      does: "deno task publisher",
      configure: nothing,
      write: oneOf([EVENTS_EXCHANGE]),
      read: nothing,
    },
    {
      user: "casino-subscriber",
      does: "deno task subscriber: takes events, and moves those that cannot be processed",
      configure: nothing,
      write: oneOf([DEAD_LETTER_QUEUE, ...delays.map(({ exchange }) => exchange)]),
      read: oneOf([EVENTS_QUEUE]),
    },
    {
      user: "casino-dead-letters",
      does: "deno task dead, and dead letters over HTTP (DEAD_LETTER_RABBITMQ_URL)",
      configure: nothing,
      write: oneOf([EVENTS_EXCHANGE]),
      read: oneOf([DEAD_LETTER_QUEUE]),
    },
  ];
}

/** A script for the shell that makes the users, or sets those that are there, on the broker that rabbitmqctl finds. */
export function brokerScript(config: TopologyConfig, virtualHost: string): string {
  const users = brokerRoles(config).map(({ user, does, configure, write, read }) => {
    const password = `"\${${passwordVariable(user)}:?}"`;
    return [
      `# ${does}`,
      // From stdin: an argument would be seen in the list of processes. RabbitMQ 4's script gives it to these commands
      // when they have no other argument, and else lets them wait for ever: so there is no -q.
      `printf '%s\\n' ${password} | rabbitmqctl add_user ${user} >/dev/null 2>&1 ||`,
      `  printf '%s\\n' ${password} | rabbitmqctl change_password ${user} >/dev/null`,
      `rabbitmqctl -q set_permissions -p ${quoted(virtualHost)} ${user} ${
        [configure, write, read].map(quoted).join(" ")
      }`,
    ].join("\n");
  });
  return ["set -eu", ...users].join("\n\n") + "\n";
}

/** Where the scripts find a role's password: `CASINO_PUBLISHER_PASSWORD`. */
export function passwordVariable(role: string): string {
  return `${role.toUpperCase().replaceAll("-", "_")}_PASSWORD`;
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function oneOf(names: readonly string[]): string {
  return `^(${names.map((name) => name.replace(/[.\-]/g, "\\$&")).join("|")})$`;
}
