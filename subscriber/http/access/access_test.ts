/** Authorization, tested through the whole app. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { DeadLetterAdmin } from "../../../shared/rabbitmq/dead/admin.ts";
import type { Act, Acts } from "../../../shared/postgres/acts.ts";
import { RecordedLog } from "../../../tests/fixtures/recorded_telemetry.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { RecentEvents } from "../../metrics/recent_events.ts";
import { type AppOptions, httpApp } from "../app.ts";
import type { Token } from "./tokens.ts";

const secrets = { look: "look-0123456789abcdef", act: "act-0123456789abcdef", administer: "admin-0123456789abcdef" };
const tokens = (Object.keys(secrets) as (keyof typeof secrets)[]).map((role): Token => {
  return { name: `with-${role}`, role, secret: secrets[role] };
});

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly secure?: boolean;
  readonly address?: string;
}

function setUp(options: Partial<AppOptions> = {}) {
  const [clock, log, signIns] = [new VirtualClock(), new RecordedLog(), [] as string[]];
  const acts: Act[] = [];
  const dropped: unknown[] = [];
  const valid = [...tokens];
  const app = httpApp({
    totals: () => Promise.reject(new Error("not asked here")),
    overview: () => Promise.resolve({}),
    history: () => Promise.resolve([]),
    readiness: () => Promise.resolve({ ready: true, why_not: [], consumers: 1, dependencies: [], subscribers: [] }),
    metrics: { contentType: "text/plain", text: () => Promise.resolve("") },
    recent: new RecentEvents(),
    waiting: () => Promise.resolve(0),
    find: () => Promise.reject(new Error("not asked here")),
    admin: {
      list: () => Promise.resolve({ letters: [], total: 0 }),
      drop: ({ filter }: { filter: unknown }) => Promise.resolve(dropped.push(filter)),
    } as unknown as DeadLetterAdmin,
    tokens: { read: () => valid },
    acts: {
      record: async (act: Act, perform: () => Promise<unknown>) => (acts.push(act), await perform()),
      list: () => Promise.resolve([]),
    } as unknown as Acts,
    ...{ open: false, allowedHosts: [], onSignIn: (result) => signIns.push(result), subscriberId: "one", clock, log },
    stop: new AbortController().signal,
    ...options,
  });
  const ask = (path: string, { method = "GET", headers = {}, secure = true, address = "198.51.100.1" }: Asked = {}) =>
    app(new Request(`http://10.0.0.7${path}`, { method, headers: { host: "10.0.0.7", ...headers } }), {
      ...{ address, local: "10.0.0.7", secure },
    });
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
  const statusOf = async (path: string, asked?: Asked) => (await ask(path, asked)).status;
  const signIn = async (secret: string, secure = true) => {
    const { headers } = await ask("/session", { method: "POST", headers: bearer(secret), secure });
    return headers.get("set-cookie")!.split(";")[0]!;
  };
  return { ask, statusOf, bearer, signIn, clock, log, signIns, acts, dropped, valid };
}

const drop = { method: "DELETE" } as const;
const ours = { origin: "https://10.0.0.7", "content-type": "application/json" };

Deno.test("beyond loopback, player data needs a token, and access goes by its role", async () => {
  const { statusOf, bearer } = setUp();
  const cases: [path: string, asked: Asked, nobody: number, look: number, act: number, administer: number][] = [
    ["/", {}, 200, 200, 200, 200],
    ["/assets/page.js", {}, 200, 200, 200, 200],
    ["/health/live", {}, 200, 200, 200, 200],
    ["/session", {}, 200, 200, 200, 200],
    ["/overview", {}, 401, 200, 200, 200],
    ["/events", {}, 401, 200, 200, 200],
    ["/metrics", {}, 401, 200, 200, 200],
    ["/health/ready", {}, 401, 200, 200, 200],
    ["/nothing", {}, 401, 404, 404, 404],
    ["/dead-letters?all=true", drop, 401, 403, 200, 200],
    ["/overview", { method: "POST" }, 401, 403, 405, 405],
    ["/audit", {}, 401, 403, 403, 200],
  ];
  for (const [path, asked, ...expected] of cases) {
    const statuses = [await statusOf(path, asked)];
    for (const secret of Object.values(secrets)) {
      statuses.push(await statusOf(path, { ...asked, headers: bearer(secret) }));
    }
    deepStrictEqual(statuses, expected, path);
  }
});

Deno.test("with open reading, acts and the audit still need a token", async () => {
  const { statusOf, bearer } = setUp({ open: true });
  deepStrictEqual([await statusOf("/overview"), await statusOf("/dead-letters?all=true", drop)], [200, 401]);
  strictEqual(await statusOf("/dead-letters?all=true", { ...drop, headers: bearer(secrets.act) }), 200);
  strictEqual(await statusOf("/audit"), 401);
  const { ask, statusOf: statusWithout } = setUp({ open: true, tokens: undefined });
  strictEqual(await statusWithout("/overview"), 200);
  const refused = await ask("/dead-letters?all=true", { ...drop, headers: bearer(secrets.act) });
  strictEqual(refused.status, 403);
  match((await refused.json()).detail, /started without HTTP_TOKENS_FILE/);
});

Deno.test("a session is valid as long as its token", async () => {
  const { statusOf, signIn, valid, signIns, log } = setUp();
  const cookie = await signIn(secrets.act);
  match(cookie, /^__Host-casino-session=/);
  const [looked, acted] = [{ headers: { cookie } }, { ...drop, headers: { cookie, ...ours } }];
  deepStrictEqual([await statusOf("/overview", looked), await statusOf("/dead-letters?all=true", acted)], [200, 200]);
  strictEqual(await statusOf("/audit", looked), 403);
  valid.splice(1, 1);
  deepStrictEqual([await statusOf("/overview", looked), await statusOf("/dead-letters?all=true", acted)], [401, 401]);
  deepStrictEqual(signIns, ["ok"]);
  strictEqual(log.of("http.signed_in").length, 1);
});

Deno.test("a stream of events ends with its token or session", async () => {
  const { ask, bearer, signIn, clock, valid } = setUp();
  const open = async (headers: Record<string, string>) => {
    const response = await ask("/events", { headers: { ...headers, accept: "text/event-stream" } });
    const reader = response.body!.getReader();
    await reader.read();
    return reader.read();
  };
  const [byToken, bySession, other] = [
    open(bearer(secrets.act)),
    open({ cookie: await signIn(secrets.act) }),
    open(bearer(secrets.look)),
  ];
  await clock.advance(1_000);
  valid.splice(1, 1);
  await clock.advance(1_000);
  deepStrictEqual([(await byToken).done, (await bySession).done], [true, true]);
  await clock.advance(15_000);
  strictEqual((await other).done, false);
});

Deno.test("signing out deletes the cookie; GET /session names the user", async () => {
  const { ask, signIn } = setUp();
  const told = async (headers: Record<string, string> = {}) => await (await ask("/session", { headers })).json();
  const cookie = await signIn(secrets.look);
  deepStrictEqual(await told({ cookie }), { name: "with-look", role: "look", has_tokens: true });
  deepStrictEqual(await told(), { name: null, role: null, has_tokens: true });
  const out = await ask("/session", { method: "DELETE", headers: { cookie, ...ours } });
  match(out.headers.get("set-cookie")!, /^__Host-casino-session=; Path=\/; Max-Age=0;/);
});

Deno.test("a page of another origin cannot act with a visitor's session", async () => {
  const { statusOf, signIn, acts, dropped } = setUp({ allowedHosts: ["events.example"] });
  const cookie = await signIn(secrets.administer);
  const foreign: Record<string, string>[] = [
    { "content-type": "application/json" },
    { ...ours, origin: "https://evil.example" },
    { ...ours, origin: "https://10.0.0.7.evil.example" },
    { ...ours, origin: "https://10.0.0.7:444" },
    { ...ours, origin: "null" },
    { ...ours, "sec-fetch-site": "same-site" },
    { ...ours, "sec-fetch-site": "cross-site" },
    { ...ours, "content-type": "text/plain" },
    { origin: ours.origin },
  ];
  for (const headers of foreign) {
    const asked = { ...drop, headers: { cookie, ...headers } };
    strictEqual(await statusOf("/dead-letters?all=true", asked), 403, JSON.stringify(headers));
  }
  deepStrictEqual([acts, dropped], [[], []]);
  for (const headers of [{ ...ours, "sec-fetch-site": "same-origin" }, { ...ours, origin: "https://events.example" }]) {
    strictEqual(await statusOf("/dead-letters?all=true", { ...drop, headers: { cookie, ...headers } }), 200);
  }
});

Deno.test("a request with an unknown Host is rejected, whatever else it has", async () => {
  const { statusOf, bearer } = setUp({ allowedHosts: ["events.example"] });
  const headers = bearer(secrets.administer);
  deepStrictEqual(
    [
      await statusOf("/overview", { headers: { ...headers, host: "events.example:8443" } }),
      await statusOf("/overview", { headers: { ...headers, host: "evil.example" } }),
      await statusOf("/", { headers: { host: "evil.example" } }),
    ],
    [200, 421, 421],
  );
});

Deno.test("wrong tokens of a peer are slowed down, counted and logged with the peer, never with the token", async () => {
  const { statusOf, bearer, signIns, log, clock } = setUp();
  const wrong = "wrong-0123456789abcdef";
  const tries = [];
  for (let i = 0; i < 7; i++) tries.push(await statusOf("/overview", { headers: bearer(wrong) }));
  deepStrictEqual(tries, [401, 401, 401, 401, 401, 429, 429]);
  strictEqual(await statusOf("/overview", { headers: bearer(wrong), address: "198.51.100.2" }), 401);
  await clock.advance(10_000);
  deepStrictEqual([await statusOf("/overview", { headers: bearer(wrong) }), signIns.at(-1)], [401, "failed"]);
  deepStrictEqual(signIns, [...Array(5).fill("failed"), "refused", "refused", "failed", "failed"]);
  deepStrictEqual(log.of("http.sign_in_failed").map(({ fields }) => fields["peer"]), [
    ...Array(5).fill("198.51.100.1"),
    ...["198.51.100.2", "198.51.100.1"],
  ]);
  strictEqual(JSON.stringify(log.entries).includes(wrong), false);
});

Deno.test("no valid token is refused because of wrong ones from its address, and probes never wait", async () => {
  const { ask, statusOf, bearer, signIns } = setUp();
  const wrong = { headers: bearer("wrong-0123456789abcdef") };
  for (let i = 0; i < 300; i++) await statusOf("/health/live", wrong);
  for (let i = 0; i < 20; i++) await statusOf("/overview", wrong);
  strictEqual(await statusOf("/overview", wrong), 429);
  for (const path of ["/health/ready", "/metrics", "/overview", "/audit"]) {
    strictEqual(await statusOf(path, { headers: bearer(secrets.administer) }), 200, path);
  }
  strictEqual((await ask("/session", { method: "POST", headers: bearer(secrets.look) })).status, 200);
  const probes = [];
  for (let i = 0; i < 300; i++) probes.push(await statusOf("/health/ready", wrong));
  deepStrictEqual([...new Set(probes)], [401]);
  deepStrictEqual([signIns.filter((each) => each === "failed").length, signIns.at(-1)], [5, "refused"]);
});

Deno.test("each act is recorded with user, act, subject and address", async () => {
  const { statusOf, bearer, acts } = setUp();
  const id = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  await statusOf(`/dead-letters/${id}`, { ...drop, headers: bearer(secrets.act) });
  await statusOf("/dead-letters?reason=invalid", { ...drop, headers: bearer(secrets.administer) });
  await statusOf("/dead-letters/replay?all=true", { method: "POST", headers: bearer(secrets.act) });
  await statusOf("/dead-letters", { headers: bearer(secrets.look) });
  const from = { peer: "198.51.100.1", via: "one" };
  deepStrictEqual(acts, [
    { who: "with-act", act: "drop", filter: { id }, ...from },
    { who: "with-administer", act: "drop", filter: { reason: "invalid" }, ...from },
    { who: "with-act", act: "replay", filter: { all: "true" }, ...from },
  ]);
});
