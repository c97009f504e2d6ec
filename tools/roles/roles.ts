/**
 * The roles of least privilege on each server: each may do what its member does, and no more. tools/migrate/grants.ts has
 * the privileges of Postgres's roles on the tables, which `deno task migrate` grants.
 */
import { deadLetterExchangeOf, eventTopology, type TopologyConfig } from "../../shared/rabbitmq/topology.ts";
import type { Former } from "../provision/former.ts";

export interface BrokerRole {
  readonly user: string;
  readonly does: string;
  /** Regular expressions over the names of queues and exchanges: rabbitmq.com/docs/access-control */
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

const nothing = "^$";

/** @param former what 0.1.0 declared, for its members beside this version's and for its removal */
export function brokerRoles(config: TopologyConfig, former?: Former): readonly BrokerRole[] {
  const { EVENTS_EXCHANGE, EVENTS_QUEUE, DEAD_LETTER_QUEUE } = config;
  const topology = eventTopology(config);
  const { queues = [], exchanges = [] } = former ?? {};
  const all = oneOf([...topology.flatMap(({ name, exchange }) => [name, exchange]), ...queues, ...exchanges]);
  const deadLetters = deadLetterExchangeOf(DEAD_LETTER_QUEUE);
  return [
    {
      user: "casino-provision",
      does: "deno task provision: declares and binds all, and nothing else",
      configure: all,
      write: all,
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
      write: oneOf([deadLetters, ...exchanges]),
      read: oneOf([EVENTS_QUEUE, ...queues.filter((name) => name === EVENTS_EXCHANGE)]),
    },
    {
      user: "casino-dead-letters",
      does: "deno task dead, and a subscriber's keeper of dead letters and its page (DEAD_LETTER_RABBITMQ_URL)",
      configure: nothing,
      write: oneOf([EVENTS_EXCHANGE]),
      read: oneOf([DEAD_LETTER_QUEUE]),
    },
  ];
}

/**
 * RabbitMQ's permissions are for names, and a queue and an exchange may share one. Whoever may write to one name and read
 * an exchange may bind them: events go to the dead letters, or dead letters round in circles.
 * @returns the queues of ours that are named as an exchange of ours
 */
export function sharedNames(config: TopologyConfig): readonly string[] {
  const topology = eventTopology(config);
  const exchanges = new Set(topology.map(({ exchange }) => exchange));
  return topology.map(({ name }) => name).filter((name) => exchanges.has(name));
}

/** A script for the shell that makes the users, or sets those that are there, on the broker that rabbitmqctl finds. */
export function brokerScript(config: TopologyConfig, virtualHost: string, former?: Former): string {
  const users = brokerRoles(config, former).map(({ user, does, configure, write, read }) => {
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

export interface CacheRole {
  readonly user: string;
  readonly does: string;
  /** Rules of ACL SETUSER, but for the password: redis.io/docs/latest/operate/oss_and_stack/management/security/acl */
  readonly rules: readonly string[];
}

/** Commands that the client sends as it connects and leaves. */
const connecting = ["+hello", "+client|setname", "+info", "+ping", "+quit"];

/** @param prefix REDIS_KEY_PREFIX */
export function cacheRoles(prefix: string): readonly CacheRole[] {
  const keys = `${prefix}{rates}:*`;
  return [
    {
      user: "casino-subscriber",
      does: "deno task subscriber: the cached rates, their lock, and what subscribers tell of themselves",
      rules: [
        ...["resetkeys", `~${keys}`, "resetchannels", "-@all", ...connecting],
        ...["+eval", "+type", "+get", "+set", "+del", "+pttl"],
      ],
    },
    {
      user: "casino-reader",
      does: "deno task status and find: looks at these, and asks subscribers what they hold",
      rules: [
        ...["resetkeys", `~${keys}`, "resetchannels", "-@all", ...connecting, "+eval", "+get", "+pttl"],
        // A question, and nothing else: a selector, which Redis has since 7.0.
        ...["(+set", `~${prefix}{rates}:question*)`],
      ],
    },
  ];
}

/** A script for the shell that makes the users, or sets those that are there, on the Redis at REDIS_URL. */
export function cacheScript(prefix: string): string {
  const lines = cacheRoles(prefix).map(({ user, rules }) => {
    return `ACL SETUSER ${user} reset on $(quoted ">$${passwordVariable(user)}") ${
      rules.map((rule) => `"${rule}"`).join(" ")
    }`;
  });
  const about = cacheRoles(prefix).map(({ user, does }) => `# ${user}: ${does}`);
  // By stdin: an argument would be seen in the list of processes. redis-cli goes on after an error, and says so.
  return [
    ...["set -eu", "", ...about],
    // Here, for a shell that ends within another one ends that one alone.
    ...cacheRoles(prefix).map(({ user }) => `: "\${${passwordVariable(user)}:?}"`),
    // As redis-cli reads it: a quote or a backslash of a password would end the text, or change it.
    `quoted() { printf '"'; printf '%s' "$1" | sed 's/[\\\\"]/\\\\&/g'; printf '"'; }`,
    ...['answer=$(redis-cli -u "${REDIS_URL:?}" --no-auth-warning <<COMMANDS'],
    ...[...lines, "COMMANDS", ")", 'echo "$answer"', `[ "$answer" = "OK\nOK" ]`, ""],
  ].join("\n");
}

/**
 * Postgres's roles. What they may do with the tables is in tools/migrate/grants.ts, and granted by `deno task migrate`.
 */

export interface DatabaseRole {
  readonly role: string;
  readonly does: string;
  /**
   * Of Postgres's 100, unless told otherwise, three are a superuser's, and five remain: no role takes the others' share. A
   * subscriber has at most five, and all subscribers have one role.
   */
  readonly connections: number;
}

export const databaseRoles: readonly DatabaseRole[] = [
  { role: "casino_migrator", does: "deno task migrate: owns the tables", connections: 5 },
  { role: "casino_subscriber", does: "deno task subscriber: stores events and letters", connections: 77 },
  {
    role: "casino_dead_letters",
    does: "deno task dead and find: reads dead letters and events, and marks what it replays",
    connections: 3,
  },
  { role: "casino_reader", does: "deno task status, and whoever asks for figures: reads", connections: 7 },
];

/**
 * Functions that make large objects: everybody may call them unless told otherwise, and could fill the disk beside the
 * tables. Only a superuser can take that back; anybody else gets a warning.
 */
export const largeObjects = "lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea)";

/**
 * SQL for psql, run by a superuser or by who may create roles and owns the database. Passwords come from the
 * environment.
 */
export function databaseScript(database: string, schema: string): string {
  const name = identifier(database);
  const within = identifier(schema);
  const roles = databaseRoles.map(({ role, does, connections }) =>
    [
      `-- ${does}`,
      // Without it, a password that was forgotten would be that of the role before.
      "\\unset password",
      `\\getenv password ${passwordVariable(role)}`,
      `select 'create role ${role} login' where not exists (select from pg_roles where rolname = '${role}') \\gexec`,
      `alter role ${role} password :'password' connection limit ${connections};`,
    ].join("\n")
  );
  const all = databaseRoles.map(({ role }) => role).join(", ");
  return [
    "\\set ON_ERROR_STOP on",
    "-- No password gets into the server's log.\nset log_statement = 'none';\nset log_min_duration_statement = -1;\n" +
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

/** Where the scripts find a role's password: `CASINO_PUBLISHER_PASSWORD`. */
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
