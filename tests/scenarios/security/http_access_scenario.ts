/** Access over HTTP, with a real browser and without: signing in, other sites' pages, other host names, TLS. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { Authority } from "../../harness/encrypted_servers.ts";
import { getText, statusOf, urlOf } from "../../harness/http.ts";
import { withWorld, type World } from "../../harness/world.ts";
import { openPage, signIn, untilText } from "../dashboard/browser.ts";

const [anna, newer, bob] = ["anna-0123456789abcdef", "anna-fedcba9876543210", "bob-0123456789abcdef"];

/** Two subscribers, like behind a load balancer, with one token file and certificate. @param use gets their ports */
async function withTwo(use: (world: World, ports: [number, number], folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "casino-access-" });
  try {
    const ca = await Authority.make(folder, "ca");
    const server = await ca.sign("server", "DNS:localhost,DNS:events.example,IP:127.0.0.1");
    const tokens = join(folder, "tokens");
    await Deno.writeTextFile(tokens, `anna act ${anna}\nbob look ${bob}\n`);
    await withWorld(async (world) => {
      await world.startRatesApi();
      const ports: [number, number] = [freePort(), freePort()];
      for (const [n, port] of ports.entries()) {
        const env = {
          ...{ HTTP_TOKENS_FILE: tokens, HTTP_TLS: "on", TLS_CERT_FILE: server.cert, TLS_KEY_FILE: server.key },
          ...{ HTTP_ALLOWED_HOSTS: "events.example", ALLOW_NET: `,0.0.0.0:${port}` },
        };
        await world.startSubscriber(`s${n}`, env, { http: `0.0.0.0:${port}` });
      }
      await use(world, ports, folder);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function dieOne(world: World): Promise<void> {
  const before = await world.messagesIn(world.dead);
  world.channel.publish(world.events, "", encodeEvent(bet({ currency: "KWD" })) as never, {
    messageId: crypto.randomUUID(),
  });
  await eventually("a dead letter", async () => await world.messagesIn(world.dead) > before || undefined);
}

Deno.test("beyond loopback, over TLS: a browser signs in at one subscriber and is known to the other, until the token is another", async () => {
  await withTwo(async (world, [one, other], folder) => {
    await dieOne(world);
    await using open = await openPage(`https://localhost:${one}/`, { ignoreHTTPSErrors: true });
    const { page, errors } = open;
    const context = page.context();
    await untilText(page, "#sign-in-note", "Sign in with a token to see this subscriber.");
    strictEqual((await context.request.get(`https://localhost:${one}/overview`)).status(), 401);
    await signIn(page, anna);
    await untilText(page, "#signed-in", "anna (act)");
    await untilText(page, "#headline-title", "1 dead letter to review");
    const [{ name, httpOnly, secure, sameSite }] = await context.cookies() as [
      Awaited<
        ReturnType<typeof context.cookies>
      >[0],
    ];
    deepStrictEqual([name, httpOnly, secure, sameSite], ["__Host-casino-session", true, true, "Strict"]);
    strictEqual(JSON.stringify(await context.storageState()).includes(anna), false, "the token is kept nowhere");

    await page.goto(`https://localhost:${other}/`);
    await untilText(page, "#signed-in", "anna (act)");
    await page.locator("#groups summary").first().click();
    await page.locator("#letters summary").first().click();
    await page.getByRole("button", { name: "Drop", exact: true }).click();
    await page.locator("#confirm").getByRole("button", { name: "Drop" }).click();
    await untilText(page, "#letters-status", "1 dropped.");
    const acts = await world.sql.query("select who, act, peer, via, state, affected::int from acts");
    deepStrictEqual(acts.map((row) => Object.values(row)), [["anna", "drop", "127.0.0.1", "s1", "done", 1]]);

    await Deno.writeTextFile(join(folder, "tokens"), `anna act ${newer}\nbob look ${bob}\n`);
    await untilText(page, "main[data-closed] #sign-in-note", "Sign in with a token to see this subscriber.", 20_000);
    strictEqual((await context.request.get(`https://localhost:${one}/overview`)).status(), 401);
    await signIn(page, anna);
    await untilText(page, "#sign-in-status", "Wrong token.");
    await signIn(page, newer);
    await untilText(page, "#signed-in", "anna (act)");
    deepStrictEqual(errors, []);
  });
});

Deno.test("a page of another origin on the same host cannot act with the session; nor is a name of another site ours", async () => {
  await withTwo(async (world, [one]) => {
    await dieOne(world);
    const url = `https://localhost:${one}`;
    await using evil = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () =>
      new Response(
        `<form method="post" action="${url}/dead-letters/replay?all=true" enctype="text/plain"><button>Win</button></form>`,
        { headers: { "content-type": "text/html" } },
      ));
    await using open = await openPage(`${url}/`, { ignoreHTTPSErrors: true });
    const { page } = open;
    await signIn(page, anna);
    await untilText(page, "#signed-in", "anna (act)");
    // Another port is the same site, so SameSite alone would not stop these requests.
    await page.goto(`http://localhost:${evil.addr.port}/`);
    const attempts = `Promise.all([["POST", "/replay?all=true"], ["DELETE", "?all=true"]].flatMap(([method, path]) =>
      ["no-cors", "cors"].map((mode) => fetch("${url}/dead-letters" + path, { method, mode, credentials: "include" })
        .then((response) => response.type, () => "refused"))))`;
    for (const outcome of await page.evaluate<string[]>(attempts)) match(outcome, /^(opaque|refused)$/);
    await page.getByRole("button", { name: "Win" }).click();
    await page.waitForURL(/dead-letters/);
    deepStrictEqual(
      [await world.messagesIn(world.dead), await world.sql.query("select id from acts where state = 'done'")],
      [1, []],
    );

    const rebound = await page.goto(`https://rebound.localhost:${one}/`);
    strictEqual(rebound?.status(), 421);
  });
});

Deno.test("HTTP is served beyond loopback with TLS and tokens alone, or behind a declared protection", async () => {
  await withWorld(async (world) => {
    const port = freePort();
    const start = (env: Record<string, string>) =>
      world.members.run("subscriber", ["--http", `0.0.0.0:${port}`], {
        ...{ ...world.env, ...env, ALLOW_NET: `,0.0.0.0:${port}` },
      });
    const refused = await start({});
    strictEqual(refused.code, 2);
    match(refused.stderr, /would show players' data to other machines: set HTTP_TLS=on, .*; and HTTP_TOKENS_FILE, or/);
    const tokens = await Deno.makeTempFile();
    await Deno.writeTextFile(tokens, `anna act ${anna}\nbob ${bob}\n`);
    const unreadable = await start({ HTTP_TOKENS_FILE: tokens, HTTP_PROTECTED_BY: "tls-proxy" });
    deepStrictEqual([unreadable.code, unreadable.stderr.includes(bob)], [2, false]);
    match(unreadable.stderr, /HTTP_TOKENS_FILE=.*: line 2 must be: name look\|act\|administer token/);
    await Deno.remove(tokens);

    const env = { HTTP_PROTECTED_BY: "proxy", ALLOW_NET: `,0.0.0.0:${port}` };
    await world.startSubscriber("one", env, { http: `0.0.0.0:${port}` });
    strictEqual(await statusOf(`http://127.0.0.1:${port}/overview`), 200);
    strictEqual(await statusOf(`http://127.0.0.1:${port}/dead-letters?all=true`, { method: "DELETE" }), 403);
  });
});

Deno.test("health and metrics have their own port, which serves nothing else", async () => {
  await withWorld(async (world) => {
    const health = freePort();
    const member = world.members.start(
      "subscriber",
      ["--quiet", "--http", "127.0.0.1:0", "--health", `127.0.0.1:${health}`],
      { ...world.env, SUBSCRIBER_ID: "one" },
    );
    await world.untilLogged(member, "consumer.ready");
    const url = `http://127.0.0.1:${health}`;
    strictEqual(await statusOf(`${url}/health/live`), 200);
    match(await getText(`${url}/metrics`), /^casino_info/m);
    match(await getText(`${url}/health/ready`), /"ready":/);
    for (const path of ["/", "/overview", "/events", "/materialized", "/dead-letters", "/audit", "/session"]) {
      strictEqual(await statusOf(`${url}${path}`), 404, path);
    }
    strictEqual(await statusOf(`${urlOf(member)}/health/live`), 200);
    await world.stop(member);
  });
});

Deno.test("a new certificate applies to the next connection; a client without TLS is disconnected, and affects no other", async () => {
  await withTwo(async (_, [port], folder) => {
    const served = async (ca: string) => {
      using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(join(folder, `${ca}.pem`))] });
      const response = await fetch(`https://localhost:${port}/health/live`, { client });
      return (await response.json()).status;
    };
    strictEqual(await served("ca"), "live");
    using plain = await Deno.connect({ hostname: "127.0.0.1", port });
    await plain.write(new TextEncoder().encode("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let answer = "";
    for await (const part of plain.readable) answer += new TextDecoder().decode(part);
    strictEqual(answer.includes("HTTP/1.1 200"), false);
    const renewed = await Authority.make(folder, "renewed");
    await renewed.sign("server", "DNS:localhost");
    strictEqual(await served("renewed"), "live");
  });
});
