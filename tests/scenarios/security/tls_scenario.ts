/** TLS to all four servers, with certificates on both sides. Each wrong certificate is rejected with one sentence. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { closeConnection, openConnection } from "../../../shared/rabbitmq/connection.ts";
import { systemClock as clock } from "../../../shared/runtime/clock.ts";
import { readConfig } from "../../../shared/runtime/configuration/config.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import { ratesApiTls } from "../../../shared/grpc/client.ts";
import { closeRedis, openRedis } from "../../../shared/redis/client.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { grpcRatesApi } from "../../../subscriber/rates/client.ts";
import { freePort, Members } from "../../../tools/demo/members.ts";
import { Authority, EncryptedServers } from "../../harness/encrypted_servers.ts";
import { asOperator, getJson, tokensFile, untilAnswered, urlOf } from "../../harness/http.ts";
import { project } from "../../harness/world.ts";
import { Session } from "../../../shared/postgres/session.ts";

// A rejected client keeps its retry timer a little longer than the test runs.
const refusals = { sanitizeOps: false, sanitizeResources: false };

Deno.test("with TLS to RabbitMQ, Redis, Postgres and the rates API", refusals, async (t) => {
  await using encrypted = await EncryptedServers.start();
  const { folder, ca, server, client } = encrypted;
  const members = new Members(project);
  const files = { TLS_CA_FILE: ca.cert, TLS_CERT_FILE: client.cert, TLS_KEY_FILE: client.key };
  const rates = {
    RATES_API_ADDRESS: `localhost:${freePort()}`,
    RATES_API_KEY: "a-key-of-the-test",
    RATES_CONTROL_KEY: "a-key-of-the-controls",
    RATES_API_TLS: "on",
  };
  const env = { ...encrypted.urls(), ...files, ...rates };
  const run = (task: string, ...args: string[]) => members.runToEnd(task, args, env);

  try {
    await t.step("the whole system works, with every connection encrypted", async () => {
      const itsOwn = { ...rates, TLS_CA_FILE: ca.cert, TLS_CERT_FILE: server.cert, TLS_KEY_FILE: server.key };
      await members.untilLogged(members.start("rates-api", [], itsOwn), "rates_api.ready");
      match(await run("migrate"), /Applied \d+ migrations/);
      const subscriber = members.start(
        "subscriber",
        ["--quiet", "--http", "127.0.0.1:0"],
        { ...env, HTTP_TOKENS_FILE: tokensFile },
      );
      await members.untilLogged(subscriber, "consumer.ready");
      await members.runToEnd("publisher", ["--input", join(project, "samples/events.ndjson")], env);
      const url = urlOf(subscriber);
      await untilAnswered(() => getJson(`${url}/materialized`), ({ events_total }) => events_total === 26, "26 stored");
      const { dependencies } = await getJson(`${url}/overview`);
      for (const { name, ok } of dependencies) strictEqual(ok, true, name);
      await untilAnswered(() => asOperator(`${url}/dead-letters`), ({ total }) => total === 1, "the letter is kept");
      match(await run("dead", "list"), /unknown-currency/);
      const status = JSON.parse(await run("status", "--json"));
      strictEqual(status.totals.events_total, 26);
      match(await run("rates-api:control", "stats"), /calls +1/);

      const encryptedSessions = await encrypted.servers.withSuperuser((sql) =>
        sql.one(
          `select bool_and(ssl) as all, count(*)::int as sessions from pg_stat_ssl join pg_stat_activity using (pid)
            where usename = 'casino'`,
        )
      );
      strictEqual(encryptedSessions["all"], true);
      match(
        await encrypted.servers.rabbitmqctl("-q", "list_connections", "ssl", "peer_cert_subject"),
        /true\tCN=client/,
      );
      await members.stop(subscriber);
      deepStrictEqual(subscriber.records.filter(({ level }) => level === "error" || level === "warning"), []);
    });

    const attempts = [rabbitmq, redis, postgres, ratesApi];

    await t.step("the right certificates are accepted", async () => {
      for (const attempt of attempts) await attempt(env);
    });

    await t.step("each server rejects a client without a certificate", async () => {
      for (const attempt of attempts) {
        await rejects(attempt({ ...env, TLS_CERT_FILE: "", TLS_KEY_FILE: "" }), isRefusal, attempt.name);
      }
    });

    await t.step("each server rejects a client with a certificate of another CA", async () => {
      const other = await (await Authority.make(folder, "other-ca")).sign("stranger", "DNS:client");
      for (const attempt of attempts) {
        await rejects(attempt({ ...env, TLS_CERT_FILE: other.cert, TLS_KEY_FILE: other.key }), isRefusal, attempt.name);
      }
    });

    await t.step("members reject a server of another CA", async () => {
      const unknown = await Authority.make(folder, "unknown-ca");
      for (const attempt of attempts) {
        await rejects(
          attempt({ ...env, TLS_CA_FILE: unknown.cert }),
          (error) => /certificate|UnknownIssuer|self.signed/i.test(messageOf(error)),
          attempt.name,
        );
      }
    });

    await t.step("members reject a server of another name", async () => {
      for (const attempt of attempts.slice(0, 3)) {
        await rejects(
          attempt({ ...env, ...encrypted.urls("127.0.0.1") }),
          (error) => /certificate|altname|NotValidForName|IP/i.test(messageOf(error)),
          attempt.name,
        );
      }
      await rejects(ratesApi({ ...env, RATES_API_ADDRESS: env.RATES_API_ADDRESS.replace("localhost", "127.0.0.1") }), {
        name: "ConfigError",
        message: /must name a host, not an IP address, with RATES_API_TLS=on$/,
      });
    });

    await t.step(
      "an external rates API must match the system's CAs, and sees no client certificate",
      async () => {
        const address = `localhost:${freePort()}`;
        const itsOwn = { TLS_CERT_FILE: server.cert, TLS_KEY_FILE: server.key };
        const asksForNone = { ...rates, RATES_API_ADDRESS: address, ...itsOwn };
        await members.untilLogged(members.start("rates-api", [], asksForNone), "rates_api.ready");
        const ask = (address: string, more: Env) => {
          const own = { ...env, RATES_API_TLS: "public", RATES_API_ADDRESS: address, ...more };
          return members.runToEnd("rates-api:control", ["stats"], own);
        };
        // Deno adds the CAs of DENO_CERT to the system's.
        const trusted = { DENO_CERT: ca.cert };
        match(await ask(address, trusted), /calls/);
        await rejects(ask(address, {}), /unable to get local issuer certificate/);
        await rejects(ask(rates.RATES_API_ADDRESS, trusted), isRefusal);
      },
    );

    await t.step("a TLS server rejects a plain client", async () => {
      const { DATABASE_URL } = encrypted.servers.direct;
      await rejects(postgres({ DATABASE_URL }), /no encryption|reject/);
      await rejects(ratesApi({ ...env, RATES_API_TLS: "off" }), { name: "RatesUnavailable" });
    });
  } finally {
    await members.stopAll();
  }
});

/** Servers close the connection of a client with a wrong certificate. Their alert may or may not arrive first. */
function isRefusal(error: unknown): boolean {
  return /certificate|alert|closed|reset|hang up|handshake|EPIPE|Failed to connect/i.test(messageOf(error));
}

type Env = Readonly<Record<string, string>>;

async function rabbitmq(env: Env): Promise<void> {
  const { RABBITMQ_URL: url } = readConfig(["RABBITMQ_URL"], (name) => env[name]);
  const connection = await openConnection({ url, name: "test" });
  // With TLS 1.3 a client learns that its certificate was rejected only when it sends something.
  await (await connection.createChannel()).close();
  await closeConnection(connection, clock);
}

async function redis(env: Env): Promise<void> {
  const { REDIS_URL } = readConfig(["REDIS_URL"], (name) => env[name]);
  let problem: unknown;
  const log = { ...silentLog, warn: (_: string, fields?: Record<string, unknown>) => problem = fields?.["problem"] };
  const client = await openRedis(REDIS_URL, { name: "test", log: log as typeof silentLog });
  try {
    await client.ping().catch((error) => {
      throw new Error(String(problem ?? messageOf(error)));
    });
  } finally {
    await closeRedis(client);
  }
}

async function postgres(env: Env): Promise<void> {
  const { DATABASE_URL } = readConfig(["DATABASE_URL"], (name) => env[name]);
  await using sql = new Session(DATABASE_URL, { name: "test" });
  await sql.query("select 1");
}

async function ratesApi(env: Env): Promise<void> {
  const settings = ["RATES_API_ADDRESS", "RATES_API_TLS", "RATES_API_KEY", "TLS_CA_FILE", "TLS_CERT_FILE"] as const;
  const config = readConfig([...settings, "TLS_KEY_FILE"], (name) => env[name]);
  const { RATES_API_ADDRESS: address, RATES_API_KEY: apiKey } = config;
  await grpcRatesApi({ address, apiKey, tls: ratesApiTls(config), timeoutMs: 3_000, clock })
    .fetch(new AbortController().signal);
}
