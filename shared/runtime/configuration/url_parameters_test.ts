import { deepStrictEqual, match } from "node:assert/strict";
import { problemsOf } from "../../../tests/fixtures/config_problems.ts";

const urls = {
  RABBITMQ_URL: "amqps://u:secret@127.0.0.1/v",
  DEAD_LETTER_RABBITMQ_URL: "amqp://u:secret@127.0.0.1",
  REDIS_URL: "rediss://u:secret@127.0.0.1/0",
};
const refused = (name: keyof typeof urls, query: string) => problemsOf({ [name]: `${urls[name]}?${query}` });

Deno.test("readConfig() rejects a RABBITMQ_URL or REDIS_URL with an unknown or useless parameter, and names it", () => {
  const broker = {
    "connection_attempts=5": /must be a URL without the parameter connection_attempts: .* heartbeat, cacertfile, /,
    "frameMax=4096": /without the parameter frameMax: /,
    "sslmode=verify-full": /without the parameter sslmode: /,
    "Heartbeat=5": /without the parameter Heartbeat: /,
    "%1b=1": /without the parameter \\u001b: /,
    "heartbeat=5&heartbeat=6": /must be a URL with heartbeat at most once$/,
    "heartbeat=0": /must be a URL with heartbeat in whole seconds from 1 to 600$/,
    "heartbeat=soon": /heartbeat in whole seconds/,
  };
  const cache = {
    "db=1": /must be a URL without the parameter db: the supported parameters are cacertfile, certfile, keyfile$/,
    "password=secret": /without the parameter password: /,
    "commandTimeout=abc": /without the parameter commandTimeout: /,
    "enableOfflineQueue=1": /without the parameter enableOfflineQueue: /,
  };
  const cases = { RABBITMQ_URL: broker, DEAD_LETTER_RABBITMQ_URL: broker, REDIS_URL: cache };
  for (const [name, queries] of Object.entries(cases)) {
    for (const [query, problem] of Object.entries(queries)) {
      const [first = "", ...more] = refused(name as keyof typeof urls, query);
      match(first, problem, query);
      deepStrictEqual([more, first.includes("secret")], [[], false], query);
    }
  }
});

Deno.test("readConfig() accepts the parameters that apply to us", () => {
  const files = "cacertfile=ca.pem&certfile=tls.crt&keyfile=tls.key";
  deepStrictEqual([refused("RABBITMQ_URL", `heartbeat=1&${files}`), refused("REDIS_URL", files)], [[], []]);
});

Deno.test("readConfig() reports at once that a URL is another server's", () => {
  const schemes = {
    RABBITMQ_URL: "amqp:// or amqps://",
    REDIS_URL: "redis:// or rediss://",
    DATABASE_URL: "postgres:// or postgresql://",
  };
  const others = ["redis://127.0.0.1", "postgres://127.0.0.1/x", "amqp://127.0.0.1", "http://127.0.0.1"];
  for (const [name, schemesOfName] of Object.entries(schemes)) {
    for (const url of others.filter((each) => !schemesOfName.startsWith(each.split("/")[0]!))) {
      match(
        problemsOf({ [name]: url })[0]!,
        new RegExp(
          `^${name}=${url.replace("/x", "/\\*{3}")} must be a URL that begins with ${schemesOfName}, such as `,
        ),
      );
    }
  }
});
