/** The dashboard in a real browser, with real members: figures, replays, faults, and the README's screenshots. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { encodeEvent } from "../../../shared/event/protobuf.ts";
import { freePort } from "../../../tools/demo/members.ts";
import { bet } from "../../fixtures/deliveries.ts";
import { count, euros } from "../../../subscriber/dashboard/format.js";
import { checkAccessibility, openPage, phone, signIn, takeScreenshot, untilText } from "./browser.ts";
import { token, tokensFile } from "../../harness/http.ts";
import { PrivateWorld } from "../../harness/private_world.ts";
import { withWorld, type World } from "../../harness/world.ts";

/** The subscriber probes the rates API every 10 s. */
const healedMs = 40_000;

function publishRaw({ channel, events }: World, body: Uint8Array): void {
  channel.publish(events, "", Buffer.from(body), { messageId: crypto.randomUUID() });
}

async function openLetters(page: Page): Promise<void> {
  await signIn(page, token);
  await untilText(page, "#signed-in", "operator (administer)");
}

Deno.test("the dashboard's figures equal Postgres over all subscribers, and it recovers with its subscriber", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const http = `127.0.0.1:${freePort()}`;
    const subscriber = await world.startSubscriber("one", {}, { http });
    await world.startSubscriber("other");
    await world.publish("--count", "600", "--seed", "5");
    await world.untilSettled(600);
    await using open = await openPage(`http://${http}/`);
    const { page, errors } = open;
    await untilText(page, "#headline-title", "All is well");
    await untilText(page, "#events-total", /^600$/);
    await untilText(page, "#queue-note", "2 consumers");
    await untilText(page, "#events li", /^\d\d:\d\d:\d\d\w+Player #\d+/);
    await untilText(page, "#rates-state", "fresh");
    deepStrictEqual(await shownLeaders(page), await leaders(world));

    await world.stop(subscriber);
    await untilText(page, "#headline-title", "Connection lost, retrying");
    await world.startSubscriber("one", {}, { http });
    await untilText(page, "#headline-title", "All is well", healedMs);
    await world.publish("--count", "50", "--seed", "6");
    await world.untilSettled(650);
    await untilText(page, "#events-total", /^650$/);
    deepStrictEqual(await shownLeaders(page), await leaders(world));
    deepStrictEqual(errors, []);
  });
});

async function shownLeaders(page: Page): Promise<string[]> {
  return await page.locator("#players tr").allTextContents();
}

/** Computed from the events themselves. */
async function leaders({ sql }: World): Promise<string[]> {
  const first = (figure: string, of: string) =>
    sql.one<{ id: string; figure: string }>(
      `select player_id as id, ${figure} as figure from events where ${of} group by 1 order by ${figure} desc, 1 limit 1`,
    );
  const bets = await first("count(*)", "type = 'bet'");
  const wins = await first("count(*)", "has_won");
  const deposits = await first("sum(amount_eur)", "type = 'deposit'");
  return [
    `Most bets#${bets.id}${count(bets.figure)}`,
    `Most wins#${wins.id}${count(wins.figure)}`,
    `Most deposits#${deposits.id}${euros(deposits.figure)}`,
  ];
}

Deno.test("a dead letter is edited and replayed from the dashboard, then stored; a group is replayed by a job", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const http = `127.0.0.1:${freePort()}`;
    await world.startSubscriber("one", { HTTP_TOKENS_FILE: tokensFile }, { http });
    // A reason that does not heal by itself.
    publishRaw(world, encodeEvent(bet({ currency: "KWD" })));
    await world.untilSettled(0, 1);
    await using open = await openPage(`http://${http}/`);
    const { page, errors } = open;
    await openLetters(page);
    await untilText(page, "#letters-status", "1 dead letter.");
    await page.locator("#groups summary").click();
    await untilText(page, "#groups li", "unknown-currency");
    await page.locator("#letters summary").click();
    await untilText(page, "#letters pre", '"player_id": 11');
    await page.getByRole("button", { name: "Edit" }).click();
    await untilText(page, "#edit-lines tr", "currencyKWDKWD");
    const json = page.getByLabel("Event as JSON");
    await json.fill((await json.inputValue()).replace("KWD", "USD"));
    await page.getByRole("button", { name: "Preview" }).click();
    await untilText(page, "#edit-lines .changed", "currencyKWDUSD");
    await page.locator("#edit").getByRole("button", { name: "Replay" }).click();
    await untilText(page, "#letters-status", "1 replayed.");
    await world.untilSettled(1);
    await untilText(page, "#events-total", /^1$/);
    await untilText(page, "#events li", "Player #11 (jane@example.com) placed a bet of 5 USD (4.67 EUR)");
    await untilText(page, "#headline-title", "All is well", healedMs);

    publishRaw(world, Uint8Array.from([0xff, 0x01, 0x80, 0x80, 0x80]));
    await untilText(page, "#groups li", "undecodable", healedMs);
    await page.locator("#groups summary").click();
    await page.locator("#groups").getByRole("button", { name: "Replay 1" }).click();
    await untilText(page, "#confirm-title", "Replay 1 dead letter?");
    await page.locator("#confirm").getByRole("button", { name: "Replay all" }).click();
    await untilText(page, "#jobs-list li", "1 of 1 done · 0 stored · 1 failed again", healedMs);
    deepStrictEqual(errors, []);
  });
});

Deno.test("the dashboard names each silent server, and reports its recovery", async () => {
  await using world = await PrivateWorld.start({ DATABASE_TIMEOUT_MS: "1500" });
  await world.startRatesApi();
  const http = `127.0.0.1:${freePort()}`;
  const subscriber = world.startSubscriber("one", {}, { http });
  await world.members.untilLogged(subscriber, "consumer.ready");
  await using open = await openPage(`http://${http}/`);
  const { page, errors } = open;
  await untilText(page, "#headline-title", "All is well", healedMs);
  const { rabbitmq, redis, postgres } = world.servers.proxies;
  const broken = { "RabbitMQ": rabbitmq, "Redis": redis, "Postgres": postgres, "Rates API": world.ratesProxy };
  for (const proxy of Object.values(broken)) proxy.poison({ kind: "black-hole" });
  for (const name of Object.keys(broken)) {
    await untilText(page, "#headline-problems li", name, healedMs);
    await untilText(page, "#dependencies li[data-state=problems]", name, healedMs);
  }
  world.heal();
  await untilText(page, "#headline-title", "All is well", healedMs);
  strictEqual(await page.locator("#headline-problems li").count(), 0);
  deepStrictEqual(errors, []);
});

Deno.test("the dashboard under load passes axe-core, and its screenshots are taken", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const http = `127.0.0.1:${freePort()}`;
    await world.startSubscriber("subscriber-1", { HTTP_TOKENS_FILE: tokensFile }, { http });
    await world.startSubscriber("subscriber-2");
    publishRaw(world, encodeEvent(bet({ currency: "KWD" })));
    publishRaw(world, Uint8Array.from([0xff, 0x01, 0x80, 0x80, 0x80]));
    const url = `http://${http}/`;
    await using opened = new AsyncDisposableStack();
    const pages = await Promise.all([
      openPage(url, { colorScheme: "light" }),
      openPage(url, { colorScheme: "dark" }),
      openPage(url, { colorScheme: "dark", viewport: phone, isMobile: true, deviceScaleFactor: 2 }),
    ]);
    for (const open of pages) opened.use(open);
    const [seconds, pictureMs] = Deno.env.get("CASINO_SCREENSHOTS") ? ["150", 144_000] : ["6", 0];
    const load = world.publish("--rate", "300", "--duration", seconds, "--players", "50");
    const names = ["dashboard-light", "dashboard-dark", "dashboard-phone"];
    for (const { page } of pages) {
      await openLetters(page);
      await untilText(page, "#letters-status", "2 dead letters, 2 causes.");
      await page.locator("#groups summary").first().click();
      await page.locator("#letters summary").waitFor();
    }
    await new Promise((resolve) => setTimeout(resolve, pictureMs));
    for (const [n, { page }] of pages.entries()) {
      await untilText(page, "#throughput", /^\d/);
      await page.locator("h1").hover();
      await takeScreenshot(page, names[n]!);
    }
    await load;
    for (const [n, { page, errors }] of pages.entries()) {
      await checkAccessibility(page, names[n]!);
      deepStrictEqual(errors, []);
    }
  });
});
