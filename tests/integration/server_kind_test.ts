/** A URL that names a server of another kind than its setting. */
import { rejects, strictEqual } from "node:assert/strict";
import { explainConnection, nothingListens, otherServerAt, serverKindAt } from "../../shared/runtime/server_kind.ts";
import { openConnection } from "../../shared/rabbitmq/connection.ts";
import { servers } from "../servers/servers.ts";

const [rabbitmq, redis, postgres] = [servers.RABBITMQ_URL, servers.REDIS_URL, servers.DATABASE_URL].map((url) =>
  new URL(url)
);

Deno.test("serverKindAt() recognizes RabbitMQ, Redis, Postgres and an HTTP server", async () => {
  const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response());
  const kinds = [rabbitmq!, redis!, postgres!].map(({ hostname, port }) => serverKindAt(hostname, Number(port)));
  strictEqual((await Promise.all(kinds)).join(), "RabbitMQ,Redis,Postgres");
  strictEqual(await serverKindAt("127.0.0.1", http.addr.port), "an HTTP server");
  await http.shutdown();
});

Deno.test("serverKindAt() returns nothing for a silent or absent server", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = serverKindAt("127.0.0.1", listener.addr.port);
  const connection = await listener.accept();
  strictEqual(await asked, undefined);
  connection.close();
  listener.close();
  strictEqual(await serverKindAt("127.0.0.1", listener.addr.port), undefined);
});

Deno.test("otherServerAt() names setting, address and the other server, and returns nothing for the right one", async () => {
  strictEqual(
    (await otherServerAt(`postgres://casino@${redis!.host}/casino`, "Postgres"))?.message,
    `DATABASE_URL must point at Postgres, but Redis answers at ${redis!.host}`,
  );
  strictEqual(await otherServerAt(servers.REDIS_URL, "Redis"), undefined);
});

Deno.test("explainConnection() identifies a server that hangs up, and none that refuses connections", async () => {
  const url = `redis://${postgres!.host}`;
  const hungUp = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  strictEqual(nothingListens(refused), true);
  strictEqual(
    (await explainConnection(hungUp, "Redis", url) as Error).message,
    `REDIS_URL must point at Redis, but Postgres answers at ${postgres!.host}`,
  );
  strictEqual(
    (await explainConnection(refused, "Redis", url) as Error).message,
    `Redis does not answer at ${postgres!.host} (ECONNREFUSED). Run \`deno task up\` to start the servers.`,
  );
});

Deno.test("openConnection() says that Postgres or Redis answers at RABBITMQ_URL", async () => {
  for (const [{ host }, kind] of [[postgres!, "Postgres"], [redis!, "Redis"]] as const) {
    await rejects(openConnection({ url: `amqp://guest:guest@${host}`, name: "other" }), {
      name: "PermanentError",
      message: `RABBITMQ_URL must point at RabbitMQ, but ${kind} answers at ${host}`,
    });
  }
});
