/** The dashboard in a real browser, with a fake subscriber. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eventTypes } from "../../../shared/event/kinds.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAccessibility, type OpenPage, openPage, signIn, untilText } from "./browser.ts";
import { deadLetter } from "./fake_dead_letters.ts";
import {
  FakeSubscriber,
  foundAnswer,
  storedEvent,
  subscriberAnswer,
  twoDays,
  wellOverview,
} from "./fake_subscriber.ts";

async function withPage(use: (open: OpenPage, fake: FakeSubscriber) => Promise<void>): Promise<void> {
  await using fake = new FakeSubscriber();
  fake.start();
  await using open = await openPage(fake.url);
  await use(open, fake);
  deepStrictEqual(open.errors, []);
}

Deno.test("the dashboard says that all is well, and shows the subscriber's figures", async () => {
  await withPage(async ({ page }) => {
    await untilText(page, "#headline-title", "All is well");
    match(await page.title(), /All is well/);
    const shown: Record<string, string | RegExp> = {
      "#throughput": "4,812",
      "#queue": "37",
      "#queue-note": /^500 more in hand; 2 consumers$/,
      "#subscribers-note": "2 subscribers, 500 events in hand.",
      "#oldest": "12 ms",
      "#latency-p50": "3.1 ms",
      "#latency-p99": "9.7 ms",
      "#events-total": "1,234,567",
      "#events-per-minute": "288,060",
      "#events-average": "4,801",
      "#dead-letters-total": "0",
      "#players": "Most deposits#1490,071,992,547,409.93 EUR",
      "#rates-state": "fresh",
      "#rates-sentence": "Fresh for another 41 s. As of 2026-11-24 22:59:41 UTC, 19 s ago.",
      "#rates-lock": "Lock free. 123 calls to the rates API by this subscriber.",
      "#who": "subscriber-1 0.1.0",
      "#uptime": "up 2 h 3 min",
    };
    for (const [selector, text] of Object.entries(shown)) await untilText(page, selector, text);
    strictEqual(await page.locator("#dependencies li[data-state=well]").count(), 4);
    match(
      await page.locator("#throughput-chart").getAttribute("aria-label") ?? "",
      /^Events stored per second, in the last 1 min: now 4,812, lowest 4,812, highest 4,812\.$/,
    );
    await page.locator("#rates-summary").click();
    await page.locator("#rates-filter").fill("b");
    deepStrictEqual(await page.locator("#rates tr:visible").allTextContents(), ["BTC0.0000176"]);
  });
});

Deno.test("the dashboard shows 24 hours at first, with the day before, and the last minutes on request", async () => {
  await using fake = new FakeSubscriber();
  fake.history = twoDays(Date.now());
  fake.start();
  await using open = await openPage(fake.url, { viewport: { width: 1280, height: 900 } });
  const { page, errors } = open;
  const words = (figure: string) => page.locator(`#${figure}-chart`).getAttribute("aria-label");
  const untilDrawn = (figure: string, span: string) =>
    page.locator(`#${figure}-chart[aria-label*="${span}"]`).waitFor({ state: "attached" });
  await untilText(page, "#span-day[aria-pressed=true]", "24 hours");
  for (const figure of ["throughput", "queue", "oldest"]) {
    await untilDrawn(figure, "yesterday");
    match(
      await words(figure) ?? "",
      /, in the last 1 d: now \d[^;]*, lowest [^;]+, highest [^;]+; yesterday lowest [^;]+, highest [^;]+\.$/,
    );
  }
  match(
    await words("latency") ?? "",
    /, in the last 1 d: p50 now [^;]+; p99 now [^;]+; p99 yesterday lowest [^;]+, highest [^;]+\.$/,
  );
  const chart = page.locator("#latency-chart");
  await chart.hover();
  await untilText(page, "#latency-chart .readout", /^\d\d:\d\d .*p99.yesterday.\d/);
  const [box, readout] = await Promise.all([chart, chart.locator(".readout")].map((each) => each.boundingBox()));
  strictEqual(readout!.x >= box!.x, true, "the values under the pointer stay in their chart");
  await page.locator("#span-live").click();
  await untilText(page, "#span-live[aria-pressed=true]", "Live");
  await untilDrawn("latency", "in the last 1 min: p50 now 3.1 ms");
  await untilDrawn("throughput", "in the last 1 min");
  match(await words("throughput") ?? "", /^Events stored per second, in the last 1 min: now 4,812, [^;]*\.$/);
  await checkAccessibility(page, "live");
  await page.locator("#span-day").click();
  await page.locator("#span-key").waitFor();
  await checkAccessibility(page, "24 hours");
  deepStrictEqual(errors, []);
});

Deno.test("the dashboard shows when the queue will be empty, or that it does not shrink", async () => {
  await withPage(async ({ page }, fake) => {
    const queue = { ...wellOverview.queue!, messages: 60_000 };
    const pace = { in_per_second: 300, out_per_second: 500 };
    fake.overview = { ...wellOverview, queue, catch_up: { state: "catching-up", seconds: 300, ...pace } };
    await untilText(page, "#queue-note", /2 consumers; empty in 5 min at this pace$/);
    fake.overview = {
      ...{ ...wellOverview, queue },
      catch_up: { state: "never", seconds: null, ...pace, in_per_second: 1_600 },
    };
    await untilText(page, "#queue-note", /not shrinking: 1,600\/s arrive, 500\/s are stored$/);
  });
});

Deno.test("the dashboard lists each problem as a sentence, and shows unknown values as such", async () => {
  await withPage(async ({ page }, fake) => {
    await untilText(page, "#headline-title", "All is well");
    const problem = "Postgres does not answer: connection refused.";
    fake.overview = {
      ...wellOverview,
      problems: [problem, "Nothing consumes casino.events.queue."],
      ...{ materialized: null, events_last_second: null, queue: null, latency_ms: null },
      dependencies: wellOverview.dependencies.map((it) => it.name === "Postgres" ? { ...it, ok: false, problem } : it),
    };
    await untilText(page, "#headline-title", "2 problems");
    deepStrictEqual(await page.locator("#headline-problems li").allTextContents(), fake.overview.problems);
    await untilText(page, "#announcement", problem);
    await untilText(page, "#dependencies li[data-state=problems]", /PostgresdownPostgres does not answer/);
    for (const id of ["throughput", "queue", "oldest", "latency-p99", "events-total"]) {
      await untilText(page, `#${id}`, /^–$/);
    }
    fake.overview = {
      ...wellOverview,
      rates: { ...wellOverview.rates, lock: { state: "held", holder: "two", ttl_ms: 2_100 } },
    };
    await untilText(page, "#headline-title", "All is well");
    await untilText(page, "#rates-lock", "Lock held by two for another 2.1 s.");
    strictEqual(await page.locator("#headline-problems li").count(), 0);
  });
});

Deno.test("untended dead letters turn the headline, which shows their start by the subscriber's clock", async () => {
  await withPage(async ({ page }, fake) => {
    await untilText(page, "#headline-note", /^Since 2026-11-24 21:30:00 UTC\.$/);
    fake.letters = Array.from({ length: 9_657 }, (_, n) => deadLetter(n));
    const since = new Date(Date.now() - 120_000).toISOString();
    fake.overview = { ...wellOverview, standing: { state: "letters", since, at_least: false } };
    await untilText(page, "#headline-title", /^9,657 dead letters to review$/);
    await untilText(page, "#headline-note", `Since ${since.slice(11, 19)} UTC. No other problems.`);
    await untilText(page, "#headline[data-state=letters]", "9,657");
    match(await page.title(), /^⚠ 9,657 dead letters to review/);
    await page.reload();
    await untilText(page, "#headline-note", `Since ${since.slice(11, 19)} UTC.`);
    fake.overview = { ...fake.overview, standing: { state: "letters", since, at_least: true } };
    await untilText(page, "#headline-note", "UTC or earlier: this subscriber started then.");
    fake.letters = [];
    await untilText(page, "#headline-title", "All is well");
  });
});

Deno.test("the dashboard lists every subscriber, the stuck one first, with its events, duration and error", async () => {
  await withPage(async ({ page }, fake) => {
    await untilText(page, "#subscribers tr:first-child", /^subscriber-1 \(this one\)working.*5002,80112 ms0\.1\.0$/);
    const problem = "500 events held by subscriber subscriber-2 since 22:58:00 UTC: password authentication failed.";
    const at = Date.now();
    const held = subscriberAnswer("subscriber-2", {
      ...{ state: "holding", since: new Date(at - 125_000).toISOString(), events: 500, batches: 2, oldest_ms: 130_000 },
      ...{ last_error: "password authentication failed", last_error_at: new Date(at).toISOString() },
    });
    const more = Array.from({ length: 48 }, (_, n) => subscriberAnswer(`subscriber-${n + 3}`));
    fake.overview = {
      ...wellOverview,
      problems: [problem],
      subscribers: [held, subscriberAnswer("subscriber-1"), ...more],
    };
    await untilText(page, "#headline-title", "1 problem");
    await untilText(
      page,
      "#subscribers tr:first-child",
      /^subscriber-2holding2 min \d+ s5002,0002 min 10 s0\.1\.0\d\d:\d\d:\d\d UTC: password authentication failed$/,
    );
    strictEqual(await page.locator("#subscribers tr").count(), 50);
    strictEqual(await page.locator("#subscribers tr:first-child .tag").getAttribute("data-tone"), "bad");
    fake.overview = {
      ...wellOverview,
      queue: { ...wellOverview.queue!, unacknowledged: null },
      subscribers: [subscriberAnswer("subscriber-1")],
    };
    await untilText(page, "#subscribers-note", "2 consumers in RabbitMQ; not all of them report.");
    await untilText(page, "#queue-note", "number in hand unknown; 2 consumers");
    strictEqual(await page.locator("#subscribers tr").count(), 1);
  });
});

Deno.test("when the subscriber stops or hangs, the dashboard reports it, keeps the figures, and recovers", async () => {
  await withPage(async ({ page }, fake) => {
    await untilText(page, "#headline-title", "All is well");
    await eventually("the stream", () => fake.queries.length > 0 || undefined);
    const opened = fake.queries.length;
    await fake.stop();
    await untilText(page, "#headline-title", "Connection lost, retrying");
    await untilText(
      page,
      "#headline-note",
      /127\.0\.0\.1:\d+ for .*: unreachable\. Next attempt .* The figures are from/,
    );
    await untilText(page, "#announcement", "Connection lost");
    await untilText(page, "#throughput", "4,812");
    strictEqual(await page.locator("main[data-stale]").count(), 1);
    fake.start();
    await untilText(page, "#headline-title", "All is well");
    strictEqual(await page.locator("main[data-stale]").count(), 0);
    await eventually("the stream to be open again", () => fake.queries.length > opened || undefined);
    fake.send("event", storedEvent(1));
    await untilText(page, "#events li", "a bet of 1 EUR");

    fake.hangs = true;
    await untilText(page, "#headline-note", "timed out after 3 s");
    await fake.stop();
    fake.hangs = false;
    fake.start();
    await untilText(page, "#headline-title", "All is well");
  });
});

Deno.test("the dashboard's stream takes 5,000 events a second, lists 200 of them, pauses and filters", async () => {
  await withPage(async ({ page }, fake) => {
    fake.events = [storedEvent(2), storedEvent(1)];
    await eventually("the stream", () => fake.queries.length > 0 || undefined);
    await untilText(page, "#events li", "a bet of 2 EUR");
    for (let n = 3; n <= 20_000; n++) fake.send("event", storedEvent(n));
    fake.send("sampled", { shown: 20, skipped: 4_980 });
    await untilText(page, "#events li:first-child", "a bet of 20000 EUR");
    strictEqual(await page.locator("#events li").count(), 200);
    await untilText(page, "#events-status", "4,980");

    await page.locator("#pause").click();
    for (let n = 20_001; n <= 20_007; n++) fake.send("event", storedEvent(n));
    await untilText(page, "#events-status", "Paused: 7 new events.");
    await untilText(page, "#events li:first-child", "a bet of 20000 EUR");
    await page.locator("#pause").click();
    await untilText(page, "#events li:first-child", "a bet of 20007 EUR");

    fake.events = [];
    await page.locator("#players button").last().click();
    await eventually("a stream of that player's", () => fake.queries.includes("player_id=14") || undefined);
    strictEqual(await page.locator("#events li").count(), 0);
    await page.getByLabel("bets").uncheck();
    await eventually(
      "a stream without bets",
      () =>
        fake.queries.at(-1) === `type=${eventTypes.filter((type) => type !== "bet").join("%2C")}&player_id=14` ||
        undefined,
    );
    await page.locator("#player-filter").fill("bob");
    await untilText(page, "#events-status", "The player must be a whole number.");
  });
});

Deno.test("the dashboard shows only the sign-in to anonymous users, and everything after a sign-in", async () => {
  await using fake = new FakeSubscriber();
  fake.open = false;
  fake.letters = [deadLetter(0)];
  fake.start();
  await using open = await openPage(fake.url);
  const { page, errors } = open;
  await untilText(page, "#sign-in-note", "Sign in with a token to see this subscriber.");
  deepStrictEqual([await page.locator("#headline").isVisible(), fake.queries], [false, []]);
  await signIn(page, "the-token");
  await untilText(page, "#headline-title", "1 dead letter to review");
  await untilText(page, "#letters-status", "1 dead letter.");
  deepStrictEqual([await page.locator("#headline").isVisible(), await page.locator("#sign-in").isVisible()], [
    true,
    false,
  ]);
  fake.token = "another-token";
  await untilText(page, "main[data-closed] #sign-in-note", "Sign in with a token to see this subscriber.");
  strictEqual(await page.locator("#headline").isVisible(), false);
  await signIn(page, "another-token");
  await page.locator("#headline").waitFor();
  deepStrictEqual(errors, []);
});

Deno.test("the dashboard finds an event from its field, from an event's row and from a dead letter's row", async () => {
  await withPage(async ({ page }, fake) => {
    fake.events = [storedEvent(1)];
    fake.letters = [deadLetter(2)];
    fake.found = foundAnswer;
    await untilText(page, "#headline-title", /./);
    await page.locator("#find").fill(" 11 @ 2022-02-02T12:34 ");
    await page.keyboard.press("Enter");
    await untilText(page, "#found-verdict", "The event is stored.");
    await untilText(page, "#found-title", "Where is 11 @ 2022-02-02T12:34?");
    deepStrictEqual(await page.locator("#found-events .stations li strong").allTextContents(), [
      ...["published", "dead", "replayed", "stored", "reported"],
    ]);
    // Markup in a text is shown as text.
    await untilText(
      page,
      "#found-events .stations li:nth-child(2)",
      /by subscriber-1: store-rejected: <b>no<\/b> partition/,
    );
    deepStrictEqual(await page.locator("#found-looked .unsure").allTextContents(), [foundAnswer.looked[3]!.outcome]);
    await page.keyboard.press("Escape");
    strictEqual(await page.locator("#found").isVisible(), false);

    await page.locator("#events li button").first().click();
    await untilText(page, "#found-verdict", "The event is stored.");
    await page.locator("#found-close").click();
    await page.locator("#groups summary").first().click();
    await page.locator("#letters summary").first().click();
    await page.locator("#letters").getByRole("button", { name: "Find" }).click();
    await untilText(page, "#found-title", `Where is ${fake.letters[0]!.message_id}?`);
    deepStrictEqual(fake.finds, [
      "player_id=11&at=2022-02-02T12%3A34",
      `id=${fake.events[0]!.message_id}`,
      `id=${fake.letters[0]!.message_id}`,
    ]);
    await page.locator("#found-close").click();

    fake.found = undefined;
    await page.locator("#find").fill("x");
    await page.keyboard.press("Enter");
    await untilText(page, "#found-verdict", "That is no id.");
    strictEqual(await page.locator("#found-events li").count(), 0);
  });
});
