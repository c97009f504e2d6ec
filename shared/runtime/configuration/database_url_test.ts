import { deepStrictEqual, throws } from "node:assert/strict";
import { ConfigError, readConfig } from "./config.ts";
import { databaseParameters } from "./database_url.ts";

const parametersOf = (query: string) => databaseParameters(new URL(`postgres://u:p@127.0.0.1/casino${query}`));

Deno.test("databaseParameters() reads the libpq parameters that apply to us", () => {
  deepStrictEqual(parametersOf(""), {
    searchPath: undefined,
    applicationName: undefined,
    connectTimeoutMs: undefined,
    readWrite: false,
  });
  deepStrictEqual(
    parametersOf(
      "?search_path=a,b&application_name=casino%20one&connect_timeout=3&target_session_attrs=read-write" +
        "&sslmode=verify-full&sslrootcert=ca.pem&sslcert=tls.crt&sslkey=tls.key",
    ),
    { searchPath: "a,b", applicationName: "casino one", connectTimeoutMs: 3_000, readWrite: true },
  );
  deepStrictEqual(parametersOf("?target_session_attrs=any&sslmode=disable").readWrite, false);
});

Deno.test("readConfig() refuses a DATABASE_URL with an unknown or useless parameter, and names it", () => {
  const refused = {
    "keepalives_idle=30":
      /must be a URL without the parameter keepalives_idle: the supported parameters are search_path, /,
    "pgbouncer=true": /without the parameter pgbouncer: /,
    "Search_Path=a": /without the parameter Search_Path: /,
    "%1b=1": /without the parameter \\u001b: /,
    "search_path=a&search_path=b": /a URL with search_path at most once$/,
    "connect_timeout=0": /a URL with connect_timeout in whole seconds from 1 to 600$/,
    "connect_timeout=601": /connect_timeout in whole seconds/,
    "connect_timeout=2s": /connect_timeout in whole seconds/,
    "target_session_attrs=standby": /a URL with target_session_attrs=read-write or any$/,
    "sslmode=require": /a URL with sslmode=verify-full or disable: the other modes do not verify the server$/,
  };
  for (const [query, problem] of Object.entries(refused)) {
    const env = { DATABASE_URL: `postgres://u:secret@127.0.0.1/casino?${query}` };
    throws(
      () => readConfig(["DATABASE_URL"], (name) => env[name as "DATABASE_URL"]),
      (error) => error instanceof ConfigError && problem.test(error.message) && !error.message.includes("secret"),
      query,
    );
  }
});
