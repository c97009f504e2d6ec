import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { readConfig } from "../../shared/runtime/configuration/config.ts";
import { composeName, composeVariables } from "./compose.ts";

const names = ["RABBITMQ_URL", "REDIS_URL", "DATABASE_URL"] as const;

Deno.test("composeVariables() of the defaults are the defaults of compose.yaml", () => {
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

Deno.test("composeName() is another for each checkout, and one that Compose accepts", () => {
  match(composeName("/a path/with a space"), /^[a-z0-9][a-z0-9_-]*$/);
  notStrictEqual(composeName("/a"), composeName("/b"));
});
