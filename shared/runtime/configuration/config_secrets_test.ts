/** Tests that no secret is shown, and that none leaves this machine unencrypted. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { redact } from "../secrets.ts";
import { readConfig } from "./config.ts";
import { problemsOf } from "../../../tests/fixtures/config_problems.ts";

/** Parts of a password between URL delimiters. The test looks for each part, so it detects a partly shown password. */
const anyPassword = fc.tuple(
  fc.array(fc.string({ minLength: 7, maxLength: 7, unit: fc.constantFrom(..."abcdefXYZ0189") }), {
    minLength: 1,
    maxLength: 4,
  }),
  fc.constantFrom(..."/?#@:%&\"' \\\n;,=[]{}|^<>é-_.!$*+~"),
).map(([parts, separator]) => ({ parts, text: parts.join(separator) }));

Deno.test("readConfig() and redact() never show a password, wherever it stands in a URL, valid or not", () => {
  const schemes = ["amqp", "amqps", "redis", "rediss", "postgres", "postgresql", "http"];
  const shapes: ((scheme: string, password: string) => string)[] = [
    (scheme, password) => `${scheme}://user:${password}@host:5672/db`,
    (scheme, password) => `${scheme}://us@er:${password}@host/db`,
    (scheme, password) => `${scheme}://:${password}@host`,
    (scheme, password) => `${scheme}:user:${password}@host`,
    (scheme, password) => `${scheme}:/user:${password}@host/`,
    (scheme, password) => `${scheme}://user:${password.slice(0, 7)}`,
    (_, password) => `user:${password}@host:5432`,
    ...["password", "pass", "pwd", "secret", "token", "api_key", "apikey", "PASSWORD"].flatMap((name) => [
      (scheme: string, password: string) => `${scheme}://host/0?${name}=${encodeURIComponent(password)}`,
      (scheme: string, password: string) => `${scheme}://h o s t/0?db=1&${name}=${encodeURIComponent(password)}`,
    ]),
  ];
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(
      fc.constantFrom("RABBITMQ_URL", "REDIS_URL", "DATABASE_URL", "RATES_API_ADDRESS" as const),
      fc.constantFrom(...schemes),
      fc.constantFrom(...shapes),
      fc.constantFrom("yes", "no"),
      anyPassword,
      (name, scheme, shape, allowed, { parts, text }) => {
        const value = shape(scheme, text);
        const problems = problemsOf({ [name]: value, ALLOW_PLAINTEXT: allowed });
        if (problems.length > 0) refused++;
        else accepted++;
        const line = JSON.stringify({ message: `No connection to ${value}`, url: value, email: "a@example.com" });
        const shown = problems.length > 0 ? problems.join("\n") : `${redact(value)} ${redact(line)}`;
        for (const part of parts) strictEqual(shown.includes(part), false, shown);
      },
    ),
    { numRuns: 10_000 },
  );
  strictEqual(accepted > 100 && refused > 500, true, `${accepted} accepted, ${refused} refused`);
});

const anySecret = fc.string({ minLength: 8, maxLength: 12, unit: fc.constantFrom(..."abcdefXYZ0189") }).map((text) =>
  `${text}qz`
);

Deno.test("readConfig() never shows a secret of a rejected setting, in whatever position or form", () => {
  const names = ["RABBITMQ_URL", "DEAD_LETTER_RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"] as const;
  const addresses = ["RATES_API_ADDRESS", "RATES_API_PROXY"] as const;
  const anyParameter = fc.oneof(
    fc.constantFrom(
      ...["sslpassword", "passwd", "passphrase", "sentinelPassword", "password", "auth", "key", "dsn", "pw"],
      ...["heartbeat", "cacertfile", "sslmode", "search_path", "connect_timeout", "options", "application_name"],
    ),
    fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(..."abcdef_") }),
  );
  const shapes = (secret: string, parameter: string, scheme: string) => [
    `host=127.0.0.1 user=u password=${secret} dbname=x`,
    `host=127.0.0.1 password='a ${secret}'`,
    `user=u ${parameter}=${secret}`,
    `Server=127.0.0.1;User Id=u;Password=${secret};`,
    secret,
    `${scheme}://u:p@127.0.0.1:5672/x?${parameter}=${secret}`,
    `${scheme}://127.0.0.1/x?other=1&${parameter}=a;${secret}`,
    `${scheme}://127.0.0.1/x?${parameter}=a&${secret}`,
    `${scheme}://127.0.0.1/x#${secret}`,
    `${scheme}://127.0.0.1/${secret}?nothing=1`,
    `${scheme}://127.0.0.1/x;password=${secret}?nothing=1`,
    `${scheme}://${secret}@127.0.0.1/x?nothing=1`,
    `${scheme}://${secret}:p@10.0.0.1/x`,
    `${scheme}://u:p@10.0.0.1/x?${parameter}=${secret}`,
    `${scheme}:${secret}`,
    `${scheme}://u:${secret}`,
    `${scheme}://u:${secret}/127.0.0.1`,
    `${scheme}:// u:${secret}@127.0.0.1`,
    `u:${secret}@127.0.0.1:5672`,
    `127.0.0.1:5672?${parameter}=${secret}`,
  ];
  const refused = new Set<number>();
  fc.assert(
    fc.property(
      fc.constantFrom(...names, ...addresses),
      fc.constantFrom("amqp", "amqps", "redis", "rediss", "postgres", "http"),
      fc.nat({ max: shapes("", "", "").length - 1 }),
      anyParameter,
      anySecret,
      fc.boolean(),
      (name, scheme, shape, parameter, secret, fromFile) => {
        const value = shapes(secret, parameter, scheme)[shape]!;
        // An address is a host with a port, and a host is not secret.
        if (name.startsWith("RATES") && shape === 4) return;
        // The secret stands where a file's path should be.
        const env = { [fromFile && !name.startsWith("RATES") ? `${name}_FILE` : name]: value };
        const problems = problemsOf(env);
        if (problems.length > 0) refused.add(shape);
        strictEqual(problems.join("\n").includes(secret), false, `${problems} of ${value}`);
      },
    ),
    { numRuns: 10_000 },
  );
  strictEqual(refused.size, shapes("", "", "").length);
});

Deno.test("redact() blanks secrets under other names, and in libpq's own form", () => {
  for (const name of ["sslpassword", "passwd", "passphrase", "sentinelPassword", "access_token", "client-secret"]) {
    strictEqual(redact(`x://h/?a=1&${name}=hunter2&b=2`), `x://h/?a=1&${name}=***&b=2`);
  }
  strictEqual(redact("host=h user=u password=hunter2 dbname=x"), "host=h user=u password=*** dbname=x");
  strictEqual(redact('{"dsn":"password=\'hunter 2\' host=h"}'), '{"dsn":"password=*** host=h"}');
});

Deno.test("readConfig() never shows a key", () => {
  fc.assert(
    fc.property(anyPassword, ({ parts, text }) => {
      const shown = problemsOf({ RATES_API_KEY: `${text} ` }).join("\n");
      strictEqual(shown, "RATES_API_KEY=(hidden) must be 1 to 512 visible ASCII characters");
      for (const part of parts) strictEqual(shown.includes(part), false, shown);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("readConfig() explains how to escape a password that would end the host early or contains %", () => {
  const escapes = "with / ? # @ % written %2F %3F %23 %40 %25 in a user or password";
  for (const password of ["a/b", "12/b", "a?b", "1?b", "a#b", "1#b", "50%", "%zz", "%ff"]) {
    deepStrictEqual(problemsOf({ REDIS_URL: `redis://u:${password}@host` }), [
      `REDIS_URL=(hidden) must be a URL such as redis://127.0.0.1:6379, ${escapes}`,
    ]);
    deepStrictEqual(problemsOf({ REDIS_URL: `rediss://u:${encodeURIComponent(password)}@host` }), []);
  }
});

Deno.test("redact() blanks only passwords", () => {
  const cases: [string, string][] = [
    ["amqp://guest:guest@127.0.0.1:5672", "amqp://guest:***@127.0.0.1:5672"],
    ["redis://:a@b@host/0", "redis://:***@host/0"],
    ["no //url:here", "no //url:here"],
    ["redis://127.0.0.1:6379 and john@example.com", "redis://127.0.0.1:6379 and john@example.com"],
    [
      '{"redis":"redis://127.0.0.1:6379","email":"john@example.com"}',
      '{"redis":"redis://127.0.0.1:6379","email":"john@example.com"}',
    ],
    ["redis://host/0?password=x&db=1 tried", "redis://host/0?password=***&db=1 tried"],
    ["postgres://a:b@h/x and amqp://c:d@h", "postgres://a:***@h/x and amqp://c:***@h"],
  ];
  for (const [text, shown] of cases) strictEqual(redact(text), shown);
});

Deno.test("readConfig() reads secrets from the file in NAME_FILE", () => {
  const files: Record<string, string> = { "/run/key": "of-the-file\n", "/run/url": "redis://:p@127.0.0.1:6400" };
  const env: Record<string, string> = { RATES_API_KEY_FILE: "/run/key", REDIS_URL_FILE: "/run/url" };
  const config = readConfig(["RATES_API_KEY", "REDIS_URL"], (name) => env[name], (path) => files[path]!);
  deepStrictEqual([config.RATES_API_KEY, config.REDIS_URL], ["of-the-file", "redis://:p@127.0.0.1:6400"]);
});

Deno.test("readConfig() explains an unusable NAME_FILE, and never shows the file's content", () => {
  const read = (env: Record<string, string>, content: string) => () =>
    readConfig(["RATES_CONTROL_KEY"], (name) => env[name], (path) => {
      if (path !== "/run/token") throw new Error("ENOENT");
      return content;
    });
  const message = (message: string) => ({ name: "ConfigError", message });
  throws(
    read({ RATES_CONTROL_KEY_FILE: "/run/token" }, "too short"),
    message("RATES_CONTROL_KEY_FILE=/run/token holds a value that must be 16 to 512 visible ASCII characters"),
  );
  throws(
    read({ RATES_CONTROL_KEY_FILE: "/run/none" }, ""),
    message("RATES_CONTROL_KEY_FILE=/run/none must be a file that can be read (ENOENT)"),
  );
  throws(
    read({ RATES_CONTROL_KEY_FILE: "/run/token", RATES_CONTROL_KEY: "x".repeat(20) }, "y".repeat(20)),
    message(
      "RATES_CONTROL_KEY_FILE=/run/token must be unset, because RATES_CONTROL_KEY is also set: unset one of them",
    ),
  );
});

Deno.test("readConfig() refuses to send credentials to another machine unencrypted, unless allowed", () => {
  const allow = "or allow it with ALLOW_PLAINTEXT=yes";
  const plain = {
    RABBITMQ_URL: "amqp://u:secret@broker.example",
    REDIS_URL: "redis://:secret@10.0.0.1",
    DATABASE_URL: "postgres://u:secret@db.example/casino?sslmode=disable",
    RATES_API_ADDRESS: "rates.example:443",
    RATES_API_KEY: "a-key-of-theirs",
  };
  deepStrictEqual(problemsOf(plain), [
    `RABBITMQ_URL=amqp://***@broker.example would send credentials to another machine unencrypted: use amqps://, ${allow}`,
    `REDIS_URL=redis://***@10.0.0.1 would send credentials to another machine unencrypted: use rediss://, ${allow}`,
    "DATABASE_URL=postgres://***@db.example/*** would send credentials to another machine " +
    `unencrypted: add sslmode=verify-full, ${allow}`,
    "RATES_API_ADDRESS=rates.example:443 would expose RATES_API_KEY on the network unencrypted: " +
    `set RATES_API_TLS=on, ${allow}`,
  ]);
  deepStrictEqual(problemsOf({ ...plain, ALLOW_PLAINTEXT: "yes" }), []);
  const encrypted = {
    ...plain,
    RABBITMQ_URL: "amqps://u:secret@broker.example",
    REDIS_URL: "rediss://:secret@10.0.0.1",
    DATABASE_URL: "postgres://u:secret@db.example/casino?sslmode=verify-full",
    RATES_API_TLS: "on",
  };
  deepStrictEqual(problemsOf(encrypted), []);
  // Without a password, an eavesdropper reads only rates.
  deepStrictEqual(problemsOf({ REDIS_URL: "redis://cache.example" }), []);
  // Without a user in the URL, the client logs in to the broker as guest.
  strictEqual(problemsOf({ RABBITMQ_URL: "amqp://broker.example" }).length, 1);
});

Deno.test("readConfig() rejects an sslmode that does not verify the server", () => {
  for (const mode of ["require", "prefer", "allow", "verify-ca"]) {
    deepStrictEqual(problemsOf({ DATABASE_URL: `postgres://u@127.0.0.1/x?sslmode=${mode}` }), [
      `DATABASE_URL=postgres://***@127.0.0.1/*** must be a URL with sslmode=verify-full or disable: the other ` +
      "modes do not verify the server",
    ]);
  }
});

Deno.test("readConfig() adds the TLS files to each TLS URL that names none, and to no other", () => {
  const env: Record<string, string> = {
    RABBITMQ_URL: "amqps://127.0.0.1",
    REDIS_URL: "redis://127.0.0.1",
    TLS_CA_FILE: "/tls/ca.pem",
  };
  const { RABBITMQ_URL, REDIS_URL } = readConfig(["RABBITMQ_URL", "REDIS_URL"], (name) => env[name], () => "");
  deepStrictEqual(
    [RABBITMQ_URL, REDIS_URL],
    ["amqps://127.0.0.1?cacertfile=%2Ftls%2Fca.pem", "redis://127.0.0.1"],
  );
});

Deno.test("readConfig() requires certificate and key together", () => {
  const read = (env: Record<string, string>) => readConfig(["REDIS_URL"], (name) => env[name], () => "");
  throws(() => read({ TLS_CERT_FILE: "/c" }), { message: "TLS_CERT_FILE requires TLS_KEY_FILE: set both or neither" });
  throws(() => read({ TLS_KEY_FILE: "/k" }), { message: "TLS_KEY_FILE requires TLS_CERT_FILE: set both or neither" });
  read({ TLS_CERT_FILE: "/c", TLS_KEY_FILE: "/k" });
});

Deno.test("readConfig() refuses the rates API's default key where others can hear or use it, also with TLS", () => {
  for (const allowed of [{ RATES_API_TLS: "on" }, { ALLOW_PLAINTEXT: "yes" }]) {
    for (const address of ["rates.example:443", "0.0.0.0:50051", "[::]:50051", "10.0.0.1:50051"]) {
      for (const key of [undefined, "development-key"]) {
        const env = { RATES_API_ADDRESS: address, ...(key && { RATES_API_KEY: key }), ...allowed };
        deepStrictEqual(problemsOf(env), [
          "RATES_API_KEY must be your own key: development-key is the public default, and " +
          `RATES_API_ADDRESS=${address} is not a loopback address`,
        ]);
      }
    }
  }
  const proxied = { RATES_API_ADDRESS: "127.0.0.1:50051", RATES_API_PROXY: "proxy.example:3128", RATES_API_TLS: "on" };
  deepStrictEqual(problemsOf(proxied), [
    "RATES_API_KEY must be your own key: development-key is the public default, and " +
    "RATES_API_PROXY=proxy.example:3128 is not a loopback address",
  ]);
  for (const address of ["127.0.0.1:50051", "localhost:50051", "[::1]:50051"]) {
    deepStrictEqual(problemsOf({ RATES_API_ADDRESS: address, RATES_API_PROXY: address }), []);
  }
});

Deno.test("readConfig() refuses the rates API's default key as the old key where others can use it", () => {
  const env = { RATES_API_KEY: "a-key-of-ours", RATES_API_OLD_KEY: "development-key", ALLOW_PLAINTEXT: "yes" };
  deepStrictEqual(problemsOf({ ...env, RATES_API_ADDRESS: "0.0.0.0:50051" }), [
    "RATES_API_OLD_KEY must be unset or your own key: development-key is the public default, and " +
    "RATES_API_ADDRESS=0.0.0.0:50051 is not a loopback address",
  ]);
  deepStrictEqual(problemsOf({ ...env, RATES_API_ADDRESS: "127.0.0.1:50051" }), []);
  deepStrictEqual(problemsOf({ ...env, RATES_API_ADDRESS: "0.0.0.0:50051", RATES_API_OLD_KEY: "another" }), []);
  const both = { ...env, RATES_API_KEY: "development-key", RATES_API_ADDRESS: "0.0.0.0:50051" };
  deepStrictEqual(problemsOf(both).map((problem) => problem.split(" ")[0]), ["RATES_API_KEY", "RATES_API_OLD_KEY"]);
});

Deno.test("readConfig() rejects a control key that equals a key for rates", () => {
  const key = "a-key-of-16-or-more";
  const problem =
    "RATES_CONTROL_KEY must differ from RATES_API_KEY and RATES_API_OLD_KEY, because every subscriber has those";
  deepStrictEqual(problemsOf({ RATES_CONTROL_KEY: key, RATES_API_KEY: key }), [problem]);
  deepStrictEqual(problemsOf({ RATES_CONTROL_KEY: key, RATES_API_OLD_KEY: key }), [problem]);
  deepStrictEqual(problemsOf({ RATES_CONTROL_KEY: key, RATES_API_KEY: "another" }), []);
});
