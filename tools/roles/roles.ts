/**
 * The roles of least privilege on each server: each may do what its member does, and no more. tools/migrate/grants.ts
 * has the table privileges of Postgres's roles, which `deno task migrate` grants.
 */
import { eventRouting } from "../../shared/rabbitmq/shards.ts";
import {
  deadLetterExchangeOf,
  eventsQueuesOf,
  eventTopology,
  exchangesOf,
  type TopologyConfig,
} from "../../shared/rabbitmq/topology.ts";
import type { Former } from "../provision/former.ts";

export interface BrokerRole {
  readonly user: string;
  readonly does: string;
  /** Regular expressions for names of queues and exchanges: rabbitmq.com/docs/access-control */
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

const nothing = "^$";

/**
 * @param former the queues of 0.1.0, so that its members can run beside this version's, and so that they can be removed
 */
export function brokerRoles(config: TopologyConfig, former?: Former): readonly BrokerRole[] {
  const { EVENTS_EXCHANGE, DEAD_LETTER_QUEUE } = config;
  const topology = eventTopology(config);
  const { queues = [], exchanges = [] } = former ?? {};
  const all = oneOf([
    ...topology.flatMap(({ name, bindings }) => [name, ...bindings.map(({ exchange }) => exchange)]),
    ...[...queues, ...exchanges],
  ]);
  // With several queues, also the exchange that publishers and letters of one queue use.
  const events = oneOf([EVENTS_EXCHANGE, eventRouting(config).exchange]);
  const deadLetters = deadLetterExchangeOf(DEAD_LETTER_QUEUE);
  return [
    {
      user: "casino-provision",
      does: "For deno task provision, which declares and binds all queues and exchanges.",
      configure: all,
      write: all,
      read: all,
    },
    {
      user: "casino-publisher",
      does: "For deno task publisher.",
      configure: nothing,
      write: events,
      read: nothing,
    },
    {
      user: "casino-subscriber",
      does: "For deno task subscriber, which consumes events and publishes dead letters.",
      configure: nothing,
      write: oneOf([deadLetters, ...exchanges]),
      read: oneOf([...eventsQueuesOf(config), ...queues.filter((name) => name === EVENTS_EXCHANGE)]),
    },
    {
      user: "casino-dead-letters",
      does: "For deno task dead, and for the keeper and dashboard of a subscriber (DEAD_LETTER_RABBITMQ_URL).",
      configure: nothing,
      write: events,
      read: oneOf([DEAD_LETTER_QUEUE]),
    },
  ];
}

/**
 * RabbitMQ grants permissions by name, and a queue and an exchange may share a name. A role that may write to a name
 * and read an exchange may bind them: events would go to the dead letters, or letters in a cycle.
 * @returns our queues that have the name of one of our exchanges
 */
export function sharedNames(config: TopologyConfig): readonly string[] {
  const topology = eventTopology(config);
  const exchanges = new Set(exchangesOf(topology));
  return topology.map(({ name }) => name).filter((name) => exchanges.has(name));
}

/** Returns a shell script that creates or updates the users on the broker that rabbitmqctl reaches. */
export function brokerScript(config: TopologyConfig, virtualHost: string, former?: Former): string {
  const users = brokerRoles(config, former).map(({ user, does, configure, write, read }) => {
    const password = `"\${${passwordVariable(user)}:?}"`;
    return [
      `# ${does}`,
      // Passwords go through stdin: arguments are visible in the process list. RabbitMQ 4's script passes stdin on only
      // without other arguments; otherwise these commands wait forever. So there is no -q.
      `printf '%s\\n' ${password} | rabbitmqctl add_user ${user} >/dev/null 2>&1 ||`,
      `  printf '%s\\n' ${password} | rabbitmqctl change_password ${user} >/dev/null`,
      `rabbitmqctl -q set_permissions -p ${quoted(virtualHost)} ${user} ${
        [configure, write, read].map(quoted).join(" ")
      }`,
    ].join("\n");
  });
  return ["set -eu", ...users].join("\n\n") + "\n";
}

export interface CacheRole {
  readonly user: string;
  readonly does: string;
  /**
   * Rules of ACL SETUSER, apart from the password: redis.io/docs/latest/operate/oss_and_stack/management/security/acl
   */
  readonly rules: readonly string[];
}

/** Commands that the client sends when it connects and disconnects. */
const connecting = ["+hello", "+client|setname", "+info", "+ping", "+quit"];

/** @param prefix REDIS_KEY_PREFIX */
export function cacheRoles(prefix: string): readonly CacheRole[] {
  const keys = `${prefix}{rates}:*`;
  return [
    {
      user: "casino-subscriber",
      does: "For deno task subscriber: the cached rates, their lock, and the subscribers' reports.",
      rules: [
        ...["resetkeys", `~${keys}`, "resetchannels", "-@all", ...connecting],
        ...["+eval", "+type", "+get", "+set", "+del", "+pttl"],
      ],
    },
    {
      user: "casino-reader",
      does: "For deno task status and find, which read these keys and ask subscribers for the events they hold.",
      rules: [
        ...["resetkeys", `~${keys}`, "resetchannels", "-@all", ...connecting, "+eval", "+get", "+pttl"],
        // A selector (Redis 7.0 or later), which allows this one command on these keys only.
        ...["(+set", `~${prefix}{rates}:question*)`],
      ],
    },
  ];
}

/** Returns a shell script that creates or updates the users on the Redis at REDIS_URL. */
export function cacheScript(prefix: string): string {
  const lines = cacheRoles(prefix).map(({ user, rules }) => {
    return `ACL SETUSER ${user} reset on $(quoted ">$${passwordVariable(user)}") ${
      rules.map((rule) => `"${rule}"`).join(" ")
    }`;
  });
  const about = cacheRoles(prefix).map(({ user, does }) => `# ${user}: ${does}`);
  // Passwords go through stdin: arguments are visible in the process list. redis-cli continues after an error, and
  // prints it.
  return [
    ...["set -eu", "", ...about],
    // Checked here: a failed check inside `$(…)` would end only that subshell.
    ...cacheRoles(prefix).map(({ user }) => `: "\${${passwordVariable(user)}:?}"`),
    // Quotes for redis-cli: a quote or backslash in a password would otherwise end or change the text.
    `quoted() { printf '"'; printf '%s' "$1" | sed 's/[\\\\"]/\\\\&/g'; printf '"'; }`,
    ...['answer=$(redis-cli -u "${REDIS_URL:?}" --no-auth-warning <<COMMANDS'],
    ...[...lines, "COMMANDS", ")", 'echo "$answer"', `[ "$answer" = "OK\nOK" ]`, ""],
  ].join("\n");
}

/** Postgres's roles. tools/migrate/grants.ts has their table privileges, which `deno task migrate` grants. */

export interface DatabaseRole {
  readonly role: string;
  readonly does: string;
  /**
   * Limits keep one role from taking the connections of the others. Postgres has 100 by default: three are for
   * superusers, and five remain free. A subscriber uses at most five, and all subscribers share one role.
   */
  readonly connections: number;
}

export const databaseRoles: readonly DatabaseRole[] = [
  { role: "casino_migrator", does: "For deno task migrate, which owns the tables.", connections: 5 },
  {
    role: "casino_subscriber",
    does: "For deno task subscriber, which stores events and dead letters.",
    connections: 77,
  },
  {
    role: "casino_dead_letters",
    does: "For deno task dead and find, which read events and dead letters and record replays.",
    connections: 3,
  },
  { role: "casino_reader", does: "For deno task status, and for people who query the figures.", connections: 7 },
];

/**
 * Functions that create large objects. By default every role may call them, and could fill the disk outside of the
 * tables. Only a superuser can revoke that; for others the statement warns.
 */
export const largeObjects = "lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea)";

/**
 * Returns SQL for psql, to be run by a superuser, or by a role that may create roles and owns the database. Passwords
 * come from the environment.
 */
export function databaseScript(database: string, schema: string): string {
  const name = identifier(database);
  const within = identifier(schema);
  const roles = databaseRoles.map(({ role, does, connections }) =>
    [
      `-- ${does}`,
      // Otherwise a role without a password variable would get the password of the role before it.
      "\\unset password",
      `\\getenv password ${passwordVariable(role)}`,
      `select 'create role ${role} login' where not exists (select from pg_roles where rolname = '${role}') \\gexec`,
      `alter role ${role} password :'password' connection limit ${connections};`,
    ].join("\n")
  );
  const all = databaseRoles.map(({ role }) => role).join(", ");
  return [
    "\\set ON_ERROR_STOP on",
    "-- Keep the passwords out of the server's log.\nset log_statement = 'none';\nset log_min_duration_statement = -1;\n" +
    "set log_min_error_statement = 'panic';",
    ...roles,
    [
      `revoke all on database ${name} from public;`,
      `grant connect on database ${name} to ${all};`,
      `create schema if not exists ${within};`,
      `revoke all on schema ${within} from public;`,
      `grant usage on schema ${within} to ${all};`,
      `grant create on schema ${within} to casino_migrator;`,
      `revoke execute on function ${largeObjects} from public;`,
    ].join("\n"),
  ].join("\n\n") + "\n";
}

/** Returns the name of the variable with a role's password: `CASINO_PUBLISHER_PASSWORD`. */
export function passwordVariable(role: string): string {
  return `${role.toUpperCase().replaceAll("-", "_")}_PASSWORD`;
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function oneOf(names: readonly string[]): string {
  return `^(${[...new Set(names)].map((name) => name.replace(/[.\-]/g, "\\$&")).join("|")})$`;
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
