/** Dead letters on the dashboard in a real browser, with a fake subscriber. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eventually } from "../../fixtures/eventually.ts";
import { checkAccessibility, type OpenPage, openPage, signIn, untilText } from "./browser.ts";
import { deadLetter, editsInVain, jobAnswer, replayedInVain } from "./fake_dead_letters.ts";
import { FakeSubscriber, subscriberAnswer, wellOverview } from "./fake_subscriber.ts";

async function withPage(use: (open: OpenPage, fake: FakeSubscriber) => Promise<void>): Promise<void> {
  await using fake = new FakeSubscriber();
  fake.start();
  await using open = await openPage(fake.url);
  await use(open, fake);
  deepStrictEqual(open.errors, []);
}

Deno.test("the dashboard lists the first dead letters with the headline that counts them", async () => {
  await withPage(async ({ page }, fake) => {
    await untilText(page, "#letters-status", "No dead letters.");
    // The list becomes old no more, so that only the new count can reload it.
    await page.evaluate("{ const now = performance.now(); performance.now = () => now; }");
    fake.letters = [deadLetter(0)];
    await untilText(page, "#headline-title", "1 dead letter to look at");
    await untilText(page, "#letters-status", "1 dead letter.");
  });
});

Deno.test("the dashboard shows dead letters to all, and whoever signs in replays, drops and restores them once that is confirmed", async () => {
  await withPage(async ({ page }, fake) => {
    fake.letters = [0, 1, 2, 3, 4].map(deadLetter);
    fake.deadLetters.jobs = undefined;
    await untilText(page, "#letters-status", "5 dead letters, of 2 causes.");
    await untilText(page, "#letters-acts", "To replay or drop, sign in.");
    await page.locator("#groups summary").first().click();
    const first = page.locator("#letters > li").first();
    await first.locator("summary").click();
    await untilText(page, "#letters li:first-child pre", '"currency": "KWD"');
    strictEqual(await page.getByRole("button", { name: /Replay|Drop|Edit|Take/ }).count(), 0);
    await signIn(page, "a wrong one");
    await untilText(page, "#sign-in-status", "The token is wrong.");
    await signIn(page, "the-token");
    await untilText(page, "#signed-in", "anna (act)");
    deepStrictEqual(await page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]"), []);
    strictEqual(await page.evaluate("document.cookie"), "");

    await first.getByRole("button", { name: "Drop" }).click();
    await page.locator("#confirm").getByRole("button", { name: "Cancel" }).click();
    strictEqual(fake.letters.length, 5);
    await first.getByRole("button", { name: "Replay" }).click();
    await page.locator("#confirm").getByRole("button", { name: "Replay" }).click();
    await untilText(page, "#letters-status", "1 replayed. 4 dead letters, of 2 causes.");
    strictEqual(fake.letters.some((letter) => letter.message_id === deadLetter(4).message_id), false);
    await first.locator("summary").click();
    await first.getByRole("button", { name: "Drop" }).click();
    await page.locator("#confirm").getByRole("button", { name: "Drop" }).click();
    await untilText(page, "#letters-status", "1 dropped. 3 dead letters, of 2 causes.");

    await page.locator("#letters-tools summary").click();
    await page.getByLabel("Status").selectOption("dropped");
    await untilText(page, "#letters-status", /^1 dropped\.$/);
    // The group is still open.
    await untilText(page, "#letters > li:first-child .tag", "dropped");
    await first.locator("summary").click();
    await first.getByRole("button", { name: "Undo" }).click();
    await page.locator("#confirm").getByRole("button", { name: "Undo" }).click();
    await untilText(page, "#letters-status", "1 restored. 0 dropped.");
    deepStrictEqual(fake.letters.map(({ number }) => number), [0, 1, 2, 3]);

    await page.reload();
    await untilText(page, "#signed-in", "anna (act)");
    await page.getByRole("button", { name: "Sign out" }).click();
    await untilText(page, "#letters-acts", "To replay or drop, sign in.");
    strictEqual(await page.getByRole("button", { name: /Replay|Drop|Edit|Take/ }).count(), 0);
    fake.role = "look";
    await signIn(page, "the-token");
    await untilText(page, "#letters-acts", "Your token may look, and neither replay nor drop.");
    fake.token = undefined;
    await page.reload();
    await untilText(page, "#letters-acts", "this subscriber has no HTTP_TOKENS_FILE");
    strictEqual(await page.locator("#sign-in-open").isVisible(), false);
  });
});

Deno.test("10,000 dead letters of 60 causes beside 50 subscribers: the page has them by cause, and 50 letters of one at a time", async () => {
  await withPage(async ({ page }, fake) => {
    // The first cause has 5,000 letters more than the others, which have about 83 each.
    const causes = Array.from({ length: 10_000 }, (_, n) => Math.floor(n < 5_000 ? 0 : n % 60));
    fake.letters = causes.map((cause, n) => ({ ...deadLetter(0), ...{ number: n, group: `group-${cause}` } }))
      .map((letter, n) => ({ ...letter, message_id: deadLetter(n).message_id, detail: `cause ${letter.group}` }));
    const more = Array.from({ length: 48 }, (_, n) => subscriberAnswer(`subscriber-${n + 3}`));
    fake.overview = { ...wellOverview, subscribers: [...wellOverview.subscribers, ...more] };
    await untilText(page, "#letters-status", "10,000 dead letters, of 60 causes.");
    const groups = page.locator("#groups > li");
    strictEqual(await groups.count(), 10);
    match(await groups.first().innerText(), /^5,083\s+unknown-currency\s+cause group-…\s+2026-11-24 22:10:07 UTC/);
    await page.getByRole("button", { name: "More: 50 causes" }).click();
    strictEqual(await groups.count(), 60);

    await groups.first().locator("summary").click();
    await untilText(page, "#letters-shown", "50 shown, newest first.");
    const letters = page.locator("#letters > li");
    await letters.first().locator("summary").click();
    await untilText(page, "#letters > li:first-child", deadLetter(9_960).message_id);
    await page.getByRole("button", { name: "More", exact: true }).click();
    await untilText(page, "#letters-shown", "100 shown, newest first.");
    deepStrictEqual([await letters.count(), fake.deadLetters.longest], [100, 50]);
    await untilText(page, "#letters > li:first-child", deadLetter(9_960).message_id);
    await groups.nth(1).locator(":scope > details > summary").click();
    await untilText(page, "#letters-shown", "50 shown, newest first.");
    deepStrictEqual([await letters.count(), await page.locator("#groups > li > details[open]").count()], [50, 1]);
  });
});

Deno.test("dead letters are filtered by text, reason, status and player, and a filter that cannot be says so", async () => {
  await withPage(async ({ page }, fake) => {
    fake.letters = [0, 1, 2, 3, 4, 6].map(deadLetter);
    fake.deadLetters.all[4] = { ...deadLetter(4), status: "resolved" };
    await untilText(page, "#letters-status", "5 dead letters, of 2 causes.");
    await page.locator("#letters-tools summary").click();
    await page.getByLabel("Reason").selectOption("undecodable");
    await untilText(page, "#letters-status", "2 of 5 dead letters.");
    await page.getByRole("button", { name: "Clear" }).click();
    await untilText(page, "#letters-status", "5 dead letters, of 2 causes.");
    await page.getByLabel("Text").fill("KWD");
    await page.keyboard.press("Enter");
    await untilText(page, "#letters-status", "3 of 5 dead letters.");
    await page.locator("#letters-player").fill("12");
    await page.keyboard.press("Enter");
    await untilText(page, "#letters-status", "0 of 5 dead letters.");
    await untilText(page, "#letters-filter-words", "text KWD, player 12");
    await page.locator("#letters-player").fill("bob");
    await page.keyboard.press("Enter");
    await untilText(page, "#letters-status", '"bob" must be a whole number of 64 bits.');
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByLabel("Status").selectOption("resolved");
    await untilText(page, "#letters-status", "1 resolved.");
    await page.locator("#groups summary").first().click();
    await untilText(page, "#letters > li:first-child .tag", "resolved");
  });
});

Deno.test("a group that heals by itself says so", async () => {
  await withPage(async ({ page }, fake) => {
    fake.letters = [{ ...deadLetter(0), reason: "rates-timeout", detail: "no rates within 5000 ms" }];
    await untilText(page, "#letters-status", "1 dead letter.");
    await page.locator("#groups summary").first().click();
    await page.locator("#groups .heals").waitFor();
    await untilText(page, "#groups .heals", /^Heals by itself: replayed once rates have been fresh for 15 s/);
    // One that was dropped does not.
    fake.letters = fake.letters.map((letter) => ({ ...letter, status: "dropped" }));
    await page.locator("#letters-tools summary").click();
    await page.getByLabel("Status").selectOption("dropped");
    await untilText(page, "#letters-status", /^1 dropped\.$/);
    strictEqual(await page.locator("#groups .heals").isVisible(), false);
  });
});

Deno.test("an act on a group or a filter is counted, asked for and ordered as a job, which tells how far it is and is led", async () => {
  await withPage(async ({ page }, fake) => {
    fake.letters = Array.from({ length: 300 }, (_, n) => deadLetter(n));
    const { deadLetters } = fake;
    await untilText(page, "#letters-status", "300 dead letters, of 2 causes.");
    await signIn(page, "the-token");
    await untilText(page, "#signed-in", "anna (act)");
    const group = page.locator("#groups > li").first();
    await group.locator("summary").click();
    await group.getByRole("button", { name: "Replay 150" }).click();
    await untilText(page, "#confirm-title", "Replay 150 dead letters?");
    strictEqual(deadLetters.jobs!.length, 0);
    strictEqual(await group.locator(".heals").isVisible(), false);
    await page.locator("#confirm").getByRole("button", { name: "Replay all" }).click();
    await untilText(page, "#jobs-summary", "Jobs: 1 running");
    deepStrictEqual(deadLetters.asked.filter((asked) => asked.startsWith("POST")), [
      "POST /jobs?group=5f0c1d2e3a4b&act=replay&preview=true",
      "POST /jobs?group=5f0c1d2e3a4b&act=replay",
    ]);
    const { id } = deadLetters.jobs![0]!;
    const deaths = [{ message_id: deadLetter(2).message_id, reason: "unknown-currency", detail: "no KWD" }];
    deadLetters.change(id, { done: 100, stored: 60, died: 10, deaths });
    await untilText(page, "#jobs-list li", "100 of 150 done · 60 stored · 10 died again · 30 neither so far");
    await untilText(page, "#jobs-list .deaths", "unknown-currency: no KWD");
    const job = page.locator("#jobs-list > li").first();
    await untilText(page, "#jobs-list li", "at most 1,000 letters a second; ");
    await job.getByRole("button", { name: "Change rate" }).click();
    strictEqual(await page.locator("#confirm-note").inputValue(), "1000");
    await page.locator("#confirm-note").fill("50");
    await page.locator("#confirm").getByRole("button", { name: "Set the rate" }).click();
    await untilText(page, "#jobs-list li", "at most 50 letters a second; ");
    await job.getByRole("button", { name: "Pause" }).click();
    await untilText(page, "#jobs-summary", "Jobs: 1 standing still");
    await job.getByRole("button", { name: "Resume" }).click();
    await untilText(page, "#jobs-list .tag", "running");
    deadLetters.change(id, { state: "stopped", problem: "100 letters failed again with the same cause" });
    await untilText(page, "#jobs-list .problem", "100 letters failed again");
    await job.getByRole("button", { name: "Cancel" }).click();
    await page.locator("#confirm").getByRole("button", { name: "Cancel the job" }).click();
    await untilText(page, "#jobs-list .tag", "cancelled");

    await page.locator("#letters-tools summary").click();
    await page.getByLabel("Reason").selectOption("undecodable");
    await untilText(page, "#letters-status", "150 of 300 dead letters.");
    await page.locator("#letters-drop").click();
    await untilText(page, "#confirm-text", "With reason undecodable.");
    await page.locator("#confirm").getByRole("button", { name: "Drop all" }).click();
    await untilText(page, "#jobs-list > li:first-child", "Drop of 150 letters");
    deadLetters.act("drop", new URLSearchParams({ reason: "undecodable" }));
    deadLetters.change(deadLetters.jobs![0]!.id, { state: "done", done: 150 });
    await untilText(page, "#letters-status", "0 of 150 dead letters.");
    deadLetters.jobs!.push(...Array.from({ length: 90 }, (_, n) => jobAnswer(n + 10, { state: "done" })));
    await untilText(page, "#jobs-list > li:nth-child(10)", "done");
    strictEqual(await page.locator("#jobs-list > li").count(), 10);
  });
});

Deno.test("one dead letter is edited as JSON: before and after are shown, what does not fit in words, then it is replayed", async () => {
  await withPage(async ({ page }, fake) => {
    fake.letters = [deadLetter(0), deadLetter(2)];
    await untilText(page, "#letters-status", "2 dead letters.");
    await signIn(page, "the-token");
    await untilText(page, "#signed-in", "anna (act)");
    await page.locator("#groups summary").first().click();
    const first = page.locator("#letters > li").first();
    await first.locator("summary").click();
    await first.getByRole("button", { name: "Edit" }).click();
    const json = page.getByLabel("The event, as JSON");
    const replay = page.locator("#edit").getByRole("button", { name: "Replay" });
    await untilText(page, "#edit-lines tr:last-child", "currencyKWDKWD");
    const text = await json.inputValue();
    deepStrictEqual(JSON.parse(text), deadLetter(2).event);

    await json.fill("{}");
    strictEqual(await replay.isEnabled(), false);
    await page.getByRole("button", { name: "Preview" }).click();
    await untilText(page, "#edit-status", "It does not fit: id is missing.");
    strictEqual(await replay.isEnabled(), false);
    await json.fill(text.replace("KWD", "EUR"));
    await page.getByRole("button", { name: "Preview" }).click();
    await untilText(page, "#edit-lines .changed", "currencyKWDEUR");
    strictEqual(await page.locator("#edit-lines .changed").count(), 1);
    await page.locator("#edit").getByRole("button", { name: "Save" }).click();
    await untilText(page, "#letters-status", "Edited. 2 dead letters.");
    await untilText(page, "#letters > li:first-child h3", "As edited by anna");
    await first.getByRole("button", { name: "Edit" }).click();
    await untilText(page, "#edit-lines tr:last-child", "currencyEUREUR");
    await replay.click();
    await untilText(page, "#letters-status", "1 replayed. 1 dead letter.");
    deepStrictEqual(fake.letters.map(({ number }) => number), [0]);
    deepStrictEqual(fake.deadLetters.all[1]!.edited!.event["currency"], "EUR");
  });
});

Deno.test("a letter that died again shows its earlier deaths, replays and edits: when, why, by whom, what was changed", async () => {
  await withPage(async ({ page }, fake) => {
    fake.letters = replayedInVain();
    fake.deadLetters.edits.push(...editsInVain);
    await untilText(page, "#letters-status", "2 dead letters.");
    // By keyboard alone.
    await page.locator("#groups summary").first().press("Enter");
    await page.locator("#letters > li:nth-child(2) > details > summary").press("Enter");
    const lineage = "#letters > li:nth-child(2) .lineage";
    await untilText(page, `${lineage} h3`, /^2 deaths · 2 edits · 1 replay$/);
    deepStrictEqual(await page.locator(`${lineage} li`).allInnerTexts().then((texts) => texts.map(oneLine)), [
      'died 2026-11-24 22:10:07 UTC by subscriber-1 unknown-currency: currency = "KWD": the rates have no KWD',
      "edited 2026-11-24 22:20:00 UTC by anna currency: KWD → XTS",
      "replayed 2026-11-24 22:21:00 UTC by bob",
      'died again 2026-11-24 22:21:05 UTC by subscriber-2 this letter unknown-currency: currency = "XTS": the rates have no XTS',
      "edited 2026-11-24 22:30:00 UTC by carol amount: 500 → 5 currency: XTS → EUR",
    ]);
    strictEqual(await page.locator(`${lineage} .cure`).count(), 0);
    await page.locator(`${lineage} summary`).press("Enter");
    await untilText(page, `${lineage} pre`, '"currency": "KWD"');
    await checkAccessibility(page, "a letter with its lineage");

    // The other has died once, and nobody did anything to it.
    await page.locator("#letters > li:first-child > details > summary").press("Enter");
    await eventually("it to be asked for", () => fake.deadLetters.histories === 2 || undefined);
    strictEqual(await page.locator("#letters > li:first-child .lineage > *").count(), 0);
    // Without an edit another replay is in vain.
    fake.deadLetters.edits.pop();
    for (const _ of ["closed", "open"]) await page.locator("#letters > li:nth-child(2) > details > summary").click();
    await untilText(page, `${lineage} .cure`, /^Repair the cause or edit the event first: the last replay died of/);
    // What came later stands there too.
    await page.locator("#letters-tools summary").click();
    await page.getByLabel("Status").selectOption("replayed");
    await untilText(page, "#letters-status", /^1 replayed\.$/);
    await untilText(page, "#letters > li:first-child .tag", "replayed");
    await page.locator("#letters summary").first().click();
    await untilText(page, "#letters .stations li:nth-child(1)", "this letter");
    await untilText(page, "#letters .lineage h3", /^2 deaths · 1 edit · 1 replay$/);
    strictEqual(await page.locator("#letters .cure").count(), 0);
  });
});

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

Deno.test("a group is taken with a note, turns the headline no longer, and is left again", async () => {
  await withPage(async ({ page }, fake) => {
    fake.letters = [deadLetter(0)];
    await untilText(page, "#headline-title", "1 dead letter to look at");
    await signIn(page, "the-token");
    await untilText(page, "#signed-in", "anna (act)");
    const group = page.locator("#groups > li").first();
    await group.locator("summary").click();
    strictEqual(await group.getByRole("button", { name: "Leave" }).isVisible(), false);
    await group.getByRole("button", { name: "Take" }).click();
    await page.getByLabel("Note").fill("ticket 7");
    await page.keyboard.press("Enter");
    await untilText(page, "#groups .taken", "looked at by anna, ticket 7");
    await untilText(page, "#headline-title", "All is well");
    await group.getByRole("button", { name: "Leave" }).click();
    await eventually("nobody to have it", () => fake.deadLetters.taken.size === 0 || undefined);
    await untilText(page, "#headline-title", "1 dead letter to look at");
    await untilText(page, "#groups .taken", /^$/);
  });
});
