/** A subscriber's HTTP: every subscriber gives the same answers, which match the stored events. Acts need a token. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import { openApi } from "../../../subscriber/http/openapi.ts";
import { lasting, materializedBySql } from "../../servers/materialized_by_sql.ts";
import {
  asOperator,
  assertMetrics,
  get,
  getJson,
  getText,
  lookToken,
  startServing,
  statusOf,
  token,
  untilAnswered,
  urlOf,
} from "../../harness/http.ts";
import { project, withWorld } from "../../harness/world.ts";

const samples = join(project, "samples/events.ndjson");

Deno.test("every subscriber returns the same GET /materialized, equal to SQL over the stored events", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const urls = [await startServing(world, "one"), await startServing(world, "other")];
    await world.publish("--count", "3000", "--players", "40");
    await world.untilSettled(3000);
    const right = await materializedBySql(world.sql);
    for (const url of urls) {
      deepStrictEqual(lasting(await getJson(`${url}/materialized`)), right);
      const { events_per_minute, events_per_second_moving_average } = await getJson(`${url}/materialized`);
      deepStrictEqual([events_per_minute, events_per_second_moving_average], [3000, 50]);
      deepStrictEqual(
        Object.keys(await getJson(`${url}/materialized`)).sort(),
        [...openApi.components.schemas.Materialized.required].sort(),
      );
    }
  });
});

Deno.test("one subscriber's HTTP", async (t) => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const url = await startServing(world, "one");
    await t.step("GET /events returns the newest, filtered, and streams new ones", async () => {
      const stream = await get(`${url}/events?type=bet`, { headers: { accept: "text/event-stream" } });
      match(stream.headers.get("content-type")!, /^text\/event-stream/);
      await world.publish("--input", samples);
      await world.untilSettled(26, 1);

      const { events } = await getJson(`${url}/events?limit=500`);
      ok(
        events.length >= 13 && events.length <= 26,
        `${events.length}: of a batch of more than 20 every other, else all`,
      );
      holds(openApi.components.schemas.Event, events);
      const deposits = (await getJson(`${url}/events?type=deposit&player_id=12`)).events;
      for (const { type, player_id, amount_eur } of deposits) {
        deepStrictEqual([type, player_id, amount_eur], ["deposit", 12, 10_000]);
      }

      const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
      let seen = "";
      while (!seen.includes("event: sampled")) {
        const { value, done } = await reader.read();
        ok(!done, seen);
        seen += value;
      }
      await reader.cancel();
      const shown = Array.from(seen.matchAll(/^event: event\ndata: (.*)$/gm), ([, data]) => JSON.parse(data!));
      ok(shown.length > 0, seen);
      for (const { type, message_id, description } of shown) {
        strictEqual(type, "bet");
        match(message_id, /^[0-9a-f-]{36}$/);
        match(description, /placed a bet of/);
      }
    });
    await t.step("health reports success, metrics count, the overview shows", async () => {
      await untilAnswered(() => asOperator(`${url}/dead-letters`), ({ total }) => total === 1, "the letter is kept");
      deepStrictEqual(await getJson(`${url}/health/live`), { status: "live" });
      const ready = await get(`${url}/health/ready`);
      const readiness = await ready.json();
      deepStrictEqual([ready.status, readiness.ready, readiness.why_not, readiness.consumers], [200, true, [], 1]);

      holds(openApi.components.schemas.Readiness, [readiness]);
      const metrics = await assertMetrics(
        url,
        'casino_events_total{outcome="stored"} 26',
        'casino_dead_letters_total{reason="unknown-currency"} 1',
        'casino_rates_calls_total{result="ok"} 1',
        'casino_queue_messages{queue="dead"} 0',
        "casino_dead_letters 1",
        "casino_dead_letters_untended 1",
        "casino_dead_letters_kept_total 1",
        'casino_dead_letters_by_broker_total{reason="delivery-limit"} 0',
        "casino_dead_letters_held 0",
        "casino_dead_letters_waiting 0",
        "casino_queue_consumers 1",
        "casino_unsettled_deliveries 0",
        "casino_batches_in_flight 0",
        "casino_events_without_player_total 5",
        'casino_dependency_up{dependency="rates_api"} 1',
      );
      match(metrics, /^casino_event_latency_seconds_count [1-9]/m);
      match(metrics, /^casino_stage_seconds_count\{stage="settle"\} [1-9]/m);

      const overview = await getJson(`${url}/overview`);
      deepStrictEqual([overview.problems, overview.subscriber_id, overview.dead_letters], [[], "one", 1]);
      const { state, since } = overview.standing;
      strictEqual(state, "letters");
      ok(Date.parse(since) <= Date.parse(overview.at), since);
      strictEqual((await getJson(`${url}/overview`)).standing.since, since, "whoever asks, and when");
      holds(openApi.components.schemas.Subscriber, overview.subscribers);
      await world.sql.query("insert into history values (now(), 60, 1, 0, 0, null, 0, 0, 0, 0, 1, '{1}')");
      const history = await getJson(`${url}/history?hours=1`);
      holds(openApi.components.schemas.History, [history]);
      deepStrictEqual([history.step_seconds, history.points.length, history.points[0].latency_ms.events], [60, 1, 1]);
      deepStrictEqual([overview.rates.state, overview.rates.lock.state, overview.rates.per_eur.USD], [
        "fresh",
        "free",
        "1.0705",
      ]);
      deepStrictEqual(overview.dependencies.map(({ ok }: { ok: boolean }) => ok), [true, true, true, true]);
      ok(overview.latency_ms.p99 >= overview.latency_ms.p50);
    });
    await t.step("dead letters are listed, shown, replayed and dropped", async () => {
      const { total, waiting, next, dead_letters: [letter] } = await asOperator(`${url}/dead-letters`);
      holds(openApi.components.schemas.DeadLetter, [letter]);
      deepStrictEqual([total, letter.reason, letter.event.currency], [1, "unknown-currency", "XTS"]);
      deepStrictEqual([waiting, next], [0, null]);
      const { groups } = await asOperator(`${url}/dead-letters/groups`);
      holds(openApi.components.schemas.CauseGroup, groups);
      deepStrictEqual(groups.map((one: { group: string; letters: number }) => [one.group, one.letters]), [[
        letter.group,
        1,
      ]]);
      const of = async (query: string) => (await asOperator(`${url}/dead-letters?${query}`)).dead_letters.length;
      const { player_id, id } = letter.event;
      const matching = `group=${letter.group}&player_id=${player_id}&event_id=${id}&since=1h&text=xts&order=newest`;
      deepStrictEqual([await of(matching), await of(`${matching}&until=1h`), await of("player_id=99")], [1, 0, 0]);
      for (const wrong of ["reasons=invalid", "since=soon", "player_id=john", "order=odd", "after=x"]) {
        strictEqual((await asOperator(`${url}/dead-letters?${wrong}`)).status, 400, wrong);
      }
      deepStrictEqual(await asOperator(`${url}/dead-letters/${letter.message_id}`), letter);
      strictEqual(letter.body_bytes, atob(letter.body_base64).length);
      strictEqual((await asOperator(`${url}/dead-letters?reason=invalid`)).dead_letters.length, 0);

      deepStrictEqual(await asOperator(`${url}/dead-letters/${letter.message_id}/replay`, "POST"), {
        ...{ replayed: 1, refused: 0, failed: 0 },
      });
      const again = await untilAnswered(
        () => asOperator(`${url}/dead-letters`),
        ({ dead_letters }) => dead_letters[0]?.attempts === 2,
        "it dies again",
      );
      deepStrictEqual([again.total, again.dead_letters[0].message_id], [1, letter.message_id]);
      deepStrictEqual((await asOperator(`${url}/dead-letters`, "DELETE")).status, 400);
      deepStrictEqual(await asOperator(`${url}/dead-letters?reason=unknown-currency`, "DELETE"), { dropped: 1 });
      strictEqual((await asOperator(`${url}/dead-letters/${letter.message_id}`)).status, 404);
      strictEqual(await world.messagesIn(world.dead), 0);
    });
    await t.step("a dropped letter is restored, edited, and stored by a job", async () => {
      const { dead_letters: dropped } = await asOperator(`${url}/dead-letters?status=dropped`);
      holds(openApi.components.schemas.DeadLetter, dropped);
      const [{ message_id: id, previous, status }] = dropped;
      deepStrictEqual([dropped.length, status, typeof previous], [1, "dropped", "number"]);
      const of = `${url}/dead-letters/${id}`;
      strictEqual((await asOperator(`${url}/dead-letters?status=gone`)).status, 400);
      strictEqual((await asOperator(`${of}?status=dropped`)).message_id, id);
      deepStrictEqual(await asOperator(`${of}/undo`, "POST"), { restored: 1 });
      strictEqual((await asOperator(`${of}/undo`, "POST")).status, 404);

      const change = "set=currency%3DEUR&where=currency%3DXTS";
      const { edits } = await asOperator(`${url}/dead-letters/edits?all=true&${change}`);
      holds(openApi.components.schemas.Edit, edits);
      deepStrictEqual([edits[0].before.currency, edits[0].after.currency], ["XTS", "EUR"]);
      strictEqual((await asOperator(of)).edited, null);
      strictEqual((await asOperator(`${of}/edit?set=amount%3D-1`, "POST")).status, 409);
      strictEqual((await asOperator(`${of}/edit?set=amount`, "POST")).status, 400);
      strictEqual((await asOperator(`${of}/edit?${change}`, "POST")).edits[0].after.currency, "EUR");
      const { edited, event } = await asOperator(of);
      deepStrictEqual([event.currency, edited.event.currency, typeof edited.by], ["XTS", "EUR", "string"]);

      const history = await asOperator(`${of}/history`);
      holds(openApi.components.schemas.LetterHistory, [history]);
      holds(openApi.components.schemas.DeadLetter, history.letters);
      const [{ status: was, number: before }, { previous: after, number, status: is }] = history.letters;
      deepStrictEqual([was, is, after, history.letters.length, history.more], ["replayed", "dead", before, 2, false]);
      deepStrictEqual(history.edits, [{ letter: number, ...edited }]);
      strictEqual((await asOperator(`${url}/dead-letters/${crypto.randomUUID()}/history`)).status, 404);

      const jobs = `${url}/dead-letters/jobs`;
      for (const wrong of ["act=replay", "act=eat&all=true", "act=replay&all=true&rate=0", "act=edit&all=true"]) {
        strictEqual((await asOperator(`${jobs}?${wrong}`, "POST")).status, 400, wrong);
      }
      deepStrictEqual(await asOperator(`${jobs}?act=replay&all=true&preview=true`, "POST"), { total: 1 });
      const job = await asOperator(`${jobs}?act=replay&all=true&rate=5`, "POST");
      holds(openApi.components.schemas.Job, [job]);
      const done = await untilAnswered(
        () => asOperator(`${jobs}/${job.id}`),
        ({ stored, state }) => stored === 1 && state === "done",
        "stored",
      );
      holds(openApi.components.schemas.Job, [done]);
      deepStrictEqual([done.state, done.done, done.died, done.rate], ["done", 1, 0, 5]);
      strictEqual((await asOperator(`${jobs}/${job.id}/pause`, "POST")).status, 409);
      deepStrictEqual((await asOperator(jobs)).jobs.map(({ id }: { id: string }) => id), [job.id]);
      strictEqual((await asOperator(`${jobs}/${crypto.randomUUID()}`)).status, 404);
      strictEqual((await asOperator(`${of}?status=any`)).status, "resolved");
    });
    await t.step("without a token of the role act nobody acts or learns anything", async () => {
      const wrong = [undefined, "Bearer", "Bearer wrong", `Basic ${token}`, `Bearer ${token}x`, `Bearer ${lookToken}`];
      for (const [n, authorization] of wrong.entries()) {
        const headers: HeadersInit = authorization === undefined ? {} : { authorization };
        const response = await get(`${url}/dead-letters?all=true`, { method: "DELETE", headers });
        strictEqual(response.status, n === wrong.length - 1 ? 403 : 401);
        if (response.status === 401) match(response.headers.get("www-authenticate")!, /^Bearer/);
        ok(!(await response.text()).includes(token));
      }
      match(await getText(`${url}/metrics`), /^casino_sign_ins_total\{result="failed"\} 4$/m);
    });
    await t.step(
      "the audit has every act with user, subject, number, address and outcome",
      async () => {
        const { acts } = await asOperator(`${url}/audit`);
        holds(openApi.components.schemas.Act, acts);
        const told = acts.map(({ who, act, filter, state, affected, peer, via }: Record<string, unknown>) => {
          return { who, act, filter, state, affected, peer, via };
        });
        const by = { who: "operator", peer: "127.0.0.1", via: "one" };
        const first = told.toReversed();
        deepStrictEqual(first.slice(1, 3), [
          { ...by, act: "drop", filter: {}, state: "failed", affected: null },
          { ...by, act: "drop", filter: { reason: "unknown-currency" }, state: "done", affected: 1 },
        ]);
        deepStrictEqual(
          first.map(({ act, state, affected }: Record<string, unknown>) => `${act} ${state} ${affected}`),
          [
            ...["replay done 1", "drop failed null", "drop done 1", "undo done 1", "undo failed null"],
            ...["edit failed null", "edit failed null", "edit done null"],
            ...Array.from({ length: 4 }, () => "jobs order failed null"),
            ...["jobs order done 1", "jobs pause failed null"],
          ],
        );
        strictEqual(await statusOf(`${url}/audit`), 401);
      },
    );
    await t.step(
      "with open reading nobody needs a token, and a stream ends with its subscriber without delaying it",
      async () => {
        const open = await world.startSubscriber("without", { HTTP_TOKENS_FILE: "" }, { http: "127.0.0.1:0" });
        strictEqual(await statusOf(`${urlOf(open)}/dead-letters`), 200);
        const headers = { authorization: `Bearer ${token}` };
        const response = await get(`${urlOf(open)}/dead-letters?all=true`, { method: "DELETE", headers });
        strictEqual(response.status, 403);
        match((await response.json()).detail, /HTTP_TOKENS_FILE/);
        const stream = await get(`${urlOf(open)}/events`, { headers: { accept: "text/event-stream" } });
        const ended = stream.text();
        await world.stop(open);
        await ended;
        strictEqual((await open.ended).code, 0);
      },
    );
    await t.step("a used or invalid port is named with its flag", async () => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const address = `127.0.0.1:${listener.addr.port}`;
      const run = (http: string) => world.tryRunning("subscriber", ["--http", http]);
      const taken = await run(address);
      strictEqual(taken.code, 1);
      match(
        taken.stderr,
        new RegExp(`${address} is in use by another program: choose another address with --http HOST:PORT`),
      );
      strictEqual(taken.stderr.includes("    at "), false, taken.stderr);
      const none = await run("8080");
      strictEqual(none.code, 2);
      match(none.stderr, /--http=8080 must be HOST:PORT, such as 127\.0\.0\.1:8080, or off/);
    });
    await t.step("a wrong request is rejected with an RFC 9457 problem, under strict headers", async () => {
      const cases: [path: string, status: number, detail: RegExp, init?: RequestInit][] = [
        ["/nothing", 404, /there is nothing at \/nothing/],
        ["/materialized", 405, /\/materialized does not support POST/, {
          method: "POST",
          headers: { authorization: `Bearer ${token}` },
        }],
        ["/events?limit=0", 400, /limit=0 must be a whole number from 1 to 500/],
        ["/events?limit=501", 400, /limit=501/],
        ["/events?type=jackpot", 400, /type=jackpot must be a comma-separated list of game_start/],
        ["/events?player_id=x", 400, /player_id=x must be a whole number/],
        ["/events?playerid=1", 400, /unknown parameter "playerid"/],
        ["/materialized", 413, /requests must not have a body/, { method: "POST", body: "x" }],
      ];
      for (const [path, status, detail, init] of cases) {
        const response = await get(`${url}${path}`, init);
        strictEqual(response.status, status, path);
        strictEqual(response.headers.get("content-type"), "application/problem+json");
        const problem = await response.json();
        deepStrictEqual([problem.type, problem.status], ["about:blank", status]);
        match(problem.detail, detail);
      }
      const page = await get(url);
      const policy = page.headers.get("content-security-policy")!;
      match(policy, /default-src 'none'/);
      ok(!policy.includes("unsafe"), policy);
      deepStrictEqual(
        ["x-content-type-options", "x-frame-options", "access-control-allow-origin"].map((name) =>
          page.headers.get(name)
        ),
        ["nosniff", "DENY", null],
      );
      await page.body?.cancel();

      const rebound = await fetchAs(url, "evil.example");
      match(rebound, /^HTTP\/1\.1 421 /);
    });
  });
});

/** Checks that each required property is present, and that each present property is described. */
function holds(schema: { required: readonly string[]; properties: object }, answers: readonly object[]): void {
  for (const answer of answers) {
    deepStrictEqual(schema.required.filter((key) => !(key in answer)), []);
    deepStrictEqual(Object.keys(answer).filter((key) => !(key in schema.properties)), []);
  }
}

/** Sends a request under another host name, as a browser does after DNS rebinding. */
async function fetchAs(url: string, host: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode(`GET /events HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
  );
  const bytes = new Uint8Array(4_096);
  return new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0));
}
