/** Debian's Chromium, driven by Playwright, with a timeout for each action. */
import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import axe from "axe-core/axe.min.js" with { type: "text" };
import { type Browser, type BrowserContextOptions, chromium as playwright, type Page } from "playwright-core";
import { chromium, requireBrowser } from "../../../dev/check/debian_programs.ts";
import { project } from "../../harness/world.ts";

const [launchTimeoutMs, actionTimeoutMs] = [30_000, 10_000];
const args = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

export const desktop = { width: 1440, height: 1080 };
export const phone = { width: 360, height: 740 };

let browser: Browser;

/** All tests of a file share one browser. */
Deno.test.beforeAll(async () => {
  await requireBrowser();
  browser = await playwright.launch({
    ...{ executablePath: chromium, args, timeout: launchTimeoutMs, chromiumSandbox: false },
  });
});

Deno.test.afterAll(() => browser.close());

export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the page's scripts. */
  readonly errors: readonly string[];
}

/** Opens a page in a context of its own, with empty storage. */
export async function openPage(url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: desktop, locale: "en-GB", timezoneId: "UTC", ...options });
  context.setDefaultTimeout(actionTimeoutMs);
  // The page's policy forbids a script tag.
  await context.addInitScript({ content: axe });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    // Chromium logs each failed request, and many scenarios make requests fail.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors, [Symbol.asyncDispose]: () => context.close() };
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.locator("#sign-in-open:visible, #sign-in-form:visible").first().waitFor();
  if (!await page.locator("#sign-in").isVisible()) await page.locator("#sign-in-open").click();
  await page.getByLabel("Token").fill(token);
  await page.locator("#sign-in-form").getByRole("button", { name: "Sign in" }).click();
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** Throws when axe-core finds a violation: all its rules for WCAG 2.2 A and AA, and its best practices. */
export async function checkAccessibility(page: Page, what: string): Promise<void> {
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run()
  );
  const found = violations.map(({ id, help, nodes }) => ({
    id,
    help,
    nodes: nodes.slice(0, 3).map((node) => `${node.html}: ${node.failureSummary}`),
  }));
  deepStrictEqual(found, [], what);
}

/** Takes a screenshot. Writes it to docs/screenshots when CASINO_SCREENSHOTS is set. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  const path = Deno.env.get("CASINO_SCREENSHOTS") && join(project, "docs/screenshots", `${name}.png`);
  await page.screenshot({ ...(path && { path }), animations: "disabled" });
}

/** Waits until the element's text is equal to, or matches, `text`. */
export async function untilText(
  page: Page,
  selector: string,
  text: string | RegExp,
  timeout = actionTimeoutMs,
): Promise<void> {
  try {
    await page.locator(selector).filter({ hasText: text }).first().waitFor({ state: "attached", timeout });
  } catch (error) {
    const seen = await page.locator(selector).allTextContents();
    throw new Error(`${selector} never said ${text}; it says ${JSON.stringify(seen)}`, { cause: error });
  }
}
