import { deepStrictEqual, strictEqual } from "node:assert/strict";
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

Deno.test("urlOf() spells out the port that the protocol implies", () => {
  strictEqual(urlOf("rabbitmq", config).host, "127.0.0.1:5672");
  strictEqual(urlOf("rabbitmq", { ...config, RABBITMQ_URL: "amqps://127.0.0.1" }).host, "127.0.0.1:5671");
  strictEqual(urlOf("redis", config).host, "[::1]:6400");
  strictEqual(urlOf("postgres", config).host, "localhost:5432");
});

Deno.test("listenAddress() is the host as a server's configuration wants it", () => {
  deepStrictEqual(
    ["127.0.0.2", "localhost", "[::1]"].map((host) => listenAddress(new URL(`redis://${host}:1`))),
    ["127.0.0.2", "127.0.0.1", "::1"],
  );
});

Deno.test("credentialsOf() undoes the URL's escapes", () => {
  deepStrictEqual(credentialsOf(new URL("amqp://a%40b:p%2F%3A%23@127.0.0.1:1/v%2Fh")), {
    user: "a@b",
    password: "p/:#",
    path: "v/h",
  });
  deepStrictEqual(credentialsOf(new URL("redis://127.0.0.1:1")), { user: "", password: "", path: "" });
});
