/** The dashboard for everybody: by keyboard, by screen reader, in the dark, and on a phone. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { BrowserContextOptions, Page } from "playwright-core";
import { checkAccessibility, openPage, phone, signIn, untilText } from "./browser.ts";
import { deadLetter, jobAnswer } from "./fake_dead_letters.ts";
import { FakeSubscriber, foundAnswer, storedEvent, wellOverview } from "./fake_subscriber.ts";

/** A page with something in each of its parts. */
async function withFullPage(options: BrowserContextOptions, use: (page: Page, fake: FakeSubscriber) => Promise<void>) {
  await using fake = new FakeSubscriber();
  fake.letters = [deadLetter(0), deadLetter(1)];
  const deaths = [{ message_id: deadLetter(7).message_id, reason: "unknown-currency", detail: "no KWD" }];
  fake.deadLetters.jobs = [
    jobAnswer(2, { total: 5_000, done: 1_200, stored: 1_100, died: 3, deaths }),
    jobAnswer(1, {
      state: "stopped",
      total: 100,
      done: 40,
      died: 30,
      problem: "30 of 40 letters failed again with the same cause",
    }),
    jobAnswer(0, { act: "drop", state: "done", total: 12, done: 12 }),
  ];
  fake.events = Array.from({ length: 30 }, (_, n) => storedEvent(30 - n));
  fake.start();
  await using open = await openPage(fake.url, options);
  const { page, errors } = open;
  await untilText(page, "#headline-title", "2 dead letters to review");
  await untilText(page, "#events li", "placed a bet");
  await signIn(page, "the-token");
  await untilText(page, "#signed-in", "anna (act)");
  // A reload puts the focus where it is for a visitor.
  await page.reload();
  await untilText(page, "#letters-status", "2 dead letters, 2 causes.");
  await untilText(page, "#events li", "placed a bet");
  await use(page, fake);
  deepStrictEqual(errors, []);
}

/** Run in the page: the id or text of every visible control, in document order. */
const controls =
  `Array.from(document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']"))
  .filter((it) => it.checkVisibility({ checkOpacity: true }) && !it.closest("dialog:not([open])"))
  .map((it) => it.id || it.textContent || it.value)`;
const focused = `(() => {
  const it = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  const name = it === document.body ? "" : it.id || it.textContent || it.value;
  return { name, seen: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 };
})()`;

Deno.test("Tab reaches every control of the dashboard in order, with a visible focus", async () => {
  await withFullPage({}, async (page) => {
    const expected = await page.evaluate<string[]>(controls);
    const reached: string[] = [];
    for (let n = 0; n < expected.length; n++) {
      await page.keyboard.press("Tab");
      const { name, seen } = await page.evaluate<{ name: string; seen: boolean }>(focused);
      strictEqual(seen, true, `the focus on ${name} is not seen`);
      reached.push(name);
    }
    deepStrictEqual(reached, expected);
    strictEqual(expected.length > 20, true);
  });
});

Deno.test("the dashboard works by keyboard alone: skip link, pause, filters, rates, and a replay with its confirmation", async () => {
  await withFullPage({}, async (page, fake) => {
    const press = (...keys: string[]) =>
      keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
    const focusedName = async () => (await page.evaluate<{ name: string }>(focused)).name;
    await press("Tab", "Enter");
    strictEqual(await focusedName(), "main");
    await page.locator("#pause").focus();
    await press("Space");
    strictEqual(await page.locator("#pause").getAttribute("aria-pressed"), "true");
    await press("Space", "Tab", "Space");
    strictEqual(await page.getByLabel("starts").isChecked(), false);
    await page.locator("#rates-summary").focus();
    await press("Enter", "Tab", "U", "S");
    deepStrictEqual(await page.locator("#rates tr:visible").allTextContents(), ["USD1.0705"]);

    await page.locator("#groups summary").first().focus();
    await press("Enter");
    await page.locator("#letters summary").waitFor();
    // Skip the three buttons of the group.
    await press("Tab", "Tab", "Tab", "Tab", "Enter", "Tab");
    strictEqual(await focusedName(), "Replay");
    await press("Enter");
    strictEqual(await focusedName(), "confirm-no");
    await press("Escape");
    strictEqual(await focusedName(), "Replay");
    strictEqual(fake.letters.length, 2);
    await press("Enter", "Tab", "Enter");
    await untilText(page, "#letters-status", "1 replayed. 1 dead letter.");
    strictEqual(await focusedName(), "letters-title");

    await page.locator("#groups summary").first().focus();
    await press("Enter", "Tab", "Tab", "Tab", "Enter");
    strictEqual(await focusedName(), "confirm-note");
    await press("7", "Enter");
    await untilText(page, "#groups .taken", "taken by anna, 7");
    strictEqual(await focusedName(), "Take");
  });
});

const appearances: Record<string, BrowserContextOptions> = {
  "in the light": { colorScheme: "light" },
  "in the dark": { colorScheme: "dark" },
  "on a phone": { viewport: phone, hasTouch: true, isMobile: true },
};
for (const [where, options] of Object.entries(appearances)) {
  Deno.test(`the dashboard fits the screen ${where} and passes axe-core in every state`, async () => {
    await withFullPage(options, async (page, fake) => {
      const top = await page.locator("#groups summary").first().boundingBox();
      strictEqual(top!.y < page.viewportSize()!.height, true, "dead letters are on the first screen");
      await page.locator("#groups summary").first().click();
      await page.locator("#letters summary").first().click();
      await page.locator("#letters-tools summary").click();
      await page.locator("#rates-summary").click();
      await page.locator("#jobs-summary").click();
      await untilText(page, "#jobs-list li", "3 failed again");
      await checkAccessibility(page, "all is well");
      const width = await page.evaluate<number>("document.documentElement.scrollWidth");
      strictEqual(width <= page.viewportSize()!.width, true, `${width} pixels wide`);
      await page.locator("#letters-drop").click();
      await untilText(page, "#confirm-title", "Drop 2 dead letters?");
      await checkAccessibility(page, "a question");
      await page.locator("#confirm-no").click();
      await page.locator("#groups").getByRole("button", { name: "Take" }).click();
      await checkAccessibility(page, "a question with a note");
      await page.locator("#confirm-no").click();
      await page.locator("#letters").getByRole("button", { name: "Edit" }).click();
      await untilText(page, "#edit-lines", "currency");
      await checkAccessibility(page, "an edit");
      await page.locator("#edit-close").click();
      fake.found = foundAnswer;
      await page.locator("#find").fill("12345");
      await page.keyboard.press("Enter");
      await untilText(page, "#found-verdict", "The event is stored.");
      await checkAccessibility(page, "where an event is");
      await page.locator("#found-close").click();
      const problem = "Redis does not answer: connection refused.";
      fake.overview = {
        ...wellOverview,
        problems: [problem],
        dependencies: wellOverview.dependencies.map((it) => ({ ...it, ok: false, problem })),
      };
      await untilText(page, "#headline-title", "1 problem");
      await checkAccessibility(page, "a problem");
      await fake.stop();
      await untilText(page, "#headline-title", "Connection lost");
      await checkAccessibility(page, "connection lost");
    });
  });
}

for (const [where, options] of Object.entries(appearances)) {
  Deno.test(`the sign-in fits the screen ${where} and passes axe-core`, async () => {
    await using fake = new FakeSubscriber();
    fake.open = false;
    fake.start();
    await using open = await openPage(fake.url, options);
    const { page, errors } = open;
    await untilText(page, "#sign-in-note", "Sign in with a token to see this subscriber.");
    await checkAccessibility(page, "closed");
    await signIn(page, "a wrong one");
    await untilText(page, "#sign-in-status", "Wrong token.");
    await checkAccessibility(page, "a wrong token");
    const width = await page.evaluate<number>("document.documentElement.scrollWidth");
    strictEqual(width <= page.viewportSize()!.width, true, `${width} pixels wide`);
    deepStrictEqual(errors, []);
  });
}
