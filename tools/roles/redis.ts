/** Redis's users, by its ACL. */
import { passwordVariable } from "./rabbitmq.ts";

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
      does: "deno task subscriber: the cached rates and their lock",
      rules: [
        ...["resetkeys", `~${keys}`, "resetchannels", "-@all", ...connecting],
        ...["+eval", "+type", "+get", "+set", "+del", "+pttl"],
      ],
    },
    {
      user: "casino-reader",
      does: "deno task status: looks at both, and changes nothing",
      rules: ["resetkeys", `~${keys}`, "resetchannels", "-@all", ...connecting, "+eval", "+get", "+pttl"],
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
