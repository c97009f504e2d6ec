import { deepStrictEqual, doesNotMatch, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { composeName, composeVariables } from "./compose.ts";
import { superuserLine } from "./database.ts";
import { erlangPorts } from "./native/rabbitmq.ts";
import { redisConfig } from "./native/redis.ts";
import { whatToInstall } from "./packages.ts";
import { credentialsOf, isAtLeast, listenAddress, type ServerConfig, urlOf } from "./server.ts";

const config: ServerConfig = {
  RABBITMQ_URL: "amqp://guest:guest@127.0.0.1",
  REDIS_URL: "redis://[::1]:6400",
  DATABASE_URL: "postgresql://casino:casino@localhost/casino",
};

Deno.test("isAtLeast() compares versions number by number", () => {
  for (
    const [version, least, expected] of [
      ["3.10.8", "3.10", true],
      ["3.9.29", "3.10", false],
      ["2.12", "3.10", false],
      ["4.0.5", "3.10", true],
      ["6.10", "6.2", true],
      ["6.0.16", "6.2", false],
      ["14", "14", true],
      ["13.21", "14", false],
      ["15.18 (Debian 15.18-0+deb12u1)", "14", true],
      ["4.1.0-rc.1", "4.1", true],
      ["", "1", false],
    ] as const
  ) strictEqual(isAtLeast(version, least), expected, `${version} against ${least}`);
});

Deno.test("urlOf() adds the port that the protocol implies", () => {
  strictEqual(urlOf("rabbitmq", config).host, "127.0.0.1:5672");
  strictEqual(urlOf("rabbitmq", { ...config, RABBITMQ_URL: "amqps://127.0.0.1" }).host, "127.0.0.1:5671");
  strictEqual(urlOf("redis", config).host, "[::1]:6400");
  strictEqual(urlOf("postgres", config).host, "localhost:5432");
});

Deno.test("listenAddress() formats the host for a server's configuration", () => {
  deepStrictEqual(
    ["127.0.0.2", "localhost", "[::1]"].map((host) => listenAddress(new URL(`redis://${host}:1`))),
    ["127.0.0.2", "127.0.0.1", "::1"],
  );
});

Deno.test("credentialsOf() decodes the URL's escapes", () => {
  deepStrictEqual(credentialsOf(new URL("amqp://a%40b:p%2F%3A%23@127.0.0.1:1/v%2Fh")), {
    user: "a@b",
    password: "p/:#",
    path: "v/h",
  });
  deepStrictEqual(credentialsOf(new URL("redis://127.0.0.1:1")), { user: "", password: "", path: "" });
});

const names = ["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"] as const;

Deno.test("composeVariables() of the defaults equal the defaults of compose.yaml", () => {
  deepStrictEqual(composeVariables(readConfig(names, () => undefined)), {
    RABBITMQ_PORT: "5672",
    RABBITMQ_USER: "guest",
    RABBITMQ_PASSWORD: "guest",
    RABBITMQ_VIRTUAL_HOST: "/",
    REDIS_PORT: "6379",
    REDIS_PASSWORD: "",
    POSTGRES_PORT: "5432",
    POSTGRES_USER: "casino",
    POSTGRES_PASSWORD: "casino",
    POSTGRES_DATABASE: "casino",
  });
});

Deno.test("composeVariables() follow the configured addresses and credentials", () => {
  const variables = composeVariables({
    RABBITMQ_URL: "amqp://u:p@127.0.0.1:5700/vh",
    REDIS_URL: "redis://:secret@127.0.0.1:6400",
    DATABASE_URL: "postgres://bank:b%40nk@127.0.0.1:5500",
  });
  strictEqual(variables["RABBITMQ_PORT"], "5700");
  strictEqual(variables["RABBITMQ_VIRTUAL_HOST"], "vh");
  strictEqual(variables["REDIS_PASSWORD"], "secret");
  strictEqual(variables["POSTGRES_PORT"], "5500");
  strictEqual(variables["POSTGRES_PASSWORD"], "b@nk");
  strictEqual(variables["POSTGRES_DATABASE"], "bank");
});

Deno.test("composeName() is different for each checkout, and valid for Compose", () => {
  match(composeName("/a path/with a space"), /^[a-z0-9][a-z0-9_-]*$/);
  notStrictEqual(composeName("/a"), composeName("/b"));
});

Deno.test("superuserLine() is one line for a shell, with the documented default password", () => {
  strictEqual(
    superuserLine(new URL("postgres://casino:casino@127.0.0.1:5432/casino")),
    `sudo -u postgres psql -p 5432 -c 'create role "casino" login password '\\''casino'\\''' ` +
      `-c 'create database "casino" owner "casino"'`,
  );
});

Deno.test("superuserLine() shows no password of the user", () => {
  doesNotMatch(superuserLine(new URL("postgres://casino:hidden@127.0.0.1:5432/casino")), /hidden/);
});

Deno.test("superuserLine() connects to the server's host", () => {
  match(
    superuserLine(new URL("postgres://casino:casino@db.example:5432/casino")),
    /^psql -h db\.example -U postgres -p 5432 /,
  );
});

Deno.test("whatToInstall() returns one line with only the missing servers", () => {
  const tool = {
    program: "dnf",
    command: "sudo dnf install -y",
    packages: { rabbitmq: "r", redis: "s", postgres: "p" },
  };
  strictEqual(
    whatToInstall(["redis", "postgres"], tool),
    "Redis, Postgres not found on this machine. Run this command, then try again:\n\n  sudo dnf install -y s p\n",
  );
});

Deno.test("whatToInstall() names an alternative without a known package tool", () => {
  match(whatToInstall(["redis"], undefined), /^Redis not found on this machine: install them, or set their URLs/);
});

Deno.test("redisConfig() listens at the URL's address, and persists nothing", () => {
  strictEqual(
    redisConfig(new URL("redis://127.0.0.1:6400")),
    'bind 127.0.0.1\nport 6400\nsave ""\nappendonly no\n',
  );
});

Deno.test("redisConfig() has the password's hash, not the password", () => {
  const config = redisConfig(new URL("redis://:open%20sesame@127.0.0.1:6400"));
  // printf 'open sesame' | sha256sum
  match(config, /^user default on #41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb ~\* &\* \+@all$/m);
  doesNotMatch(config, /sesame/);
});

Deno.test("redisConfig() disables the default user when the URL names another", () => {
  const config = redisConfig(new URL("redis://ali:sesame@127.0.0.1:6400"));
  match(config, /^user default off$/m);
  match(config, /^user ali on #[0-9a-f]{64} /m);
});

Deno.test("erlangPorts() keeps brokers at neighbouring ports apart", () => {
  deepStrictEqual(erlangPorts(5672), { distribution: 25_672, epmd: 26_672 });
  fc.assert(fc.property(fc.integer({ min: 1024, max: 65_500 }), fc.integer({ min: 1, max: 35 }), (port, distance) => {
    const used = [port, port + distance].flatMap((each) => [each, ...Object.values(erlangPorts(each))]);
    return new Set(used).size === used.length;
  }));
});

Deno.test("erlangPorts() stay below the ephemeral ports, for any port of the broker", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
    for (const each of Object.values(erlangPorts(port))) ok(each >= 10_000 && each <= 32_767, String(each));
  }));
});

Deno.test("erlangPorts() skips ports in use", () => {
  deepStrictEqual(erlangPorts(5672, (port) => ![25_672, 25_673, 26_672].includes(port)), {
    distribution: 25_674,
    epmd: 26_673,
  });
  deepStrictEqual(erlangPorts(12_767, (port) => port !== 32_767).distribution, 10_000);
});
