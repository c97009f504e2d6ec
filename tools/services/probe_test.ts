import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { servers } from "../../tests/servers/servers.ts";
import { probe } from "./probe.ts";
import { type Answer, type ServerName, urlOf } from "./server.ts";

const names: readonly ServerName[] = ["rabbitmq", "redis", "postgres"];

for (const name of names) {
  Deno.test(`probe() accepts a matching ${name}, and returns its version`, async () => {
    const answer = await probe(name, urlOf(name, servers));
    strictEqual(answer.kind, "fits", JSON.stringify(answer));
    match((answer as { version: string }).version, /^\d+\.\d+/);
  });

  Deno.test(`probe() reports that ${name} is absent when nothing listens`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    listener.close();
    deepStrictEqual(await probe(name, at(name, listener.addr.port)), { kind: "absent" });
  });

  Deno.test(`probe() distinguishes ${name} from a server of another kind`, async () => {
    await using stranger = serve(() => "HTTP/1.1 400 Bad Request\r\n\r\n");
    match(problemOf(await probe(name, at(name, stranger.port))), /^another program uses this port/);
  });
}

Deno.test("probe() reports that Redis is too old", async () => {
  const info = "redis_version:6.0.16\r\n";
  await using old = serve((asked) =>
    /\bHELLO\b/i.test(asked) ? "%1\r\n+proto\r\n:3\r\n" : `$${info.length}\r\n${info}\r\n`
  );
  strictEqual(
    problemOf(await probe("redis", at("redis", old.port))),
    "its version is 6.0.16, and at least 6.2 is required",
  );
});

Deno.test("probe() reports that the broker refuses the password, or the virtual host", async () => {
  const url = urlOf("rabbitmq", servers);
  url.password = "wrong";
  strictEqual(problemOf(await probe("rabbitmq", url)), "it rejects the user or the password in the URL");
  const elsewhere = urlOf("rabbitmq", servers);
  elsewhere.pathname = "/no-such-virtual-host";
  match(problemOf(await probe("rabbitmq", elsewhere)), /virtual host/);
});

Deno.test("probe() distinguishes a Postgres without our role from one without our database", async () => {
  const role = urlOf("postgres", servers);
  role.username = "no-such-role";
  const nobody = await probe("postgres", role);
  deepStrictEqual([nobody.kind, "lacks" in nobody && nobody.lacks], ["bare", "login"]);
  const database = urlOf("postgres", servers);
  database.pathname = "/no-such-database";
  const nowhere = await probe("postgres", database);
  deepStrictEqual([nowhere.kind, "lacks" in nowhere && nowhere.lacks], ["bare", "database"]);
});

function at(name: ServerName, port: number): URL {
  const url = urlOf(name, servers);
  url.port = String(port);
  return url;
}

function problemOf(answer: Answer): string {
  return "problem" in answer ? answer.problem : `no problem: ${JSON.stringify(answer)}`;
}

/** Answers each chunk that it receives, and closes the connection when the client does. */
function serve(reply: (asked: string) => string): { port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const conversations: Promise<void>[] = [];
    for await (const connection of listener) conversations.push(converse(connection, reply));
    await Promise.all(conversations);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

async function converse(connection: Deno.Conn, reply: (asked: string) => string): Promise<void> {
  const buffer = new Uint8Array(4096);
  try {
    for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
      const asked = new TextDecoder().decode(buffer.subarray(0, length));
      // In Redis's protocol, each command is an array; several commands in one chunk get one answer each.
      for (const each of asked.split(/^(?=\*)/m)) await connection.write(new TextEncoder().encode(reply(each)));
    }
  } catch {
    // The client closed the connection without a goodbye.
  } finally {
    connection.close();
  }
}
