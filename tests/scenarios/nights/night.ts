/** One night of an operator: the page in a browser, the terminal, the alerts, and the documents. */
import { deepStrictEqual, match } from "node:assert/strict";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { eventually } from "../../fixtures/eventually.ts";
import { type OpenPage, openPage, untilText } from "../dashboard/browser.ts";
import { readDocument } from "../operations/document.ts";
import type { System } from "../operations/system.ts";
import { Alerts } from "./alerts.ts";

/** Longer than any time after which a subscriber tries again, or asks its servers how they are. */
const patienceMs = 40_000;
const screens = { 1280: { width: 1280, height: 900 }, 390: { width: 390, height: 844 } };

export interface Sight {
  /** The headline's title. */
  readonly title: string | RegExp;
  /** One of the problems below the title. */
  readonly problem?: RegExp;
  /** A line of `deno task status`. */
  readonly status: RegExp;
  /** The alert that fires, and its summary. */
  readonly alert?: readonly [name: string, summary: RegExp];
}

/** What happens in a night; the rest of the file says how the operator meets it. */
export type Story = (night: Night, system: System) => Promise<void>;

export class Night implements AsyncDisposable {
  #pictures = 0;

  private constructor(
    readonly name: string,
    readonly system: System,
    private readonly open: OpenPage,
    private readonly alerts: Alerts,
    private readonly asOperator: string,
  ) {}

  /** Begins with a page that is calm, and no alert. @param asOperator lines before a command of the operator's */
  static async begin(name: string, system: System, asOperator = ""): Promise<Night> {
    const http = system.env["HTTP"]!;
    await using begun = new AsyncDisposableStack();
    const [open, alerts] = await Promise.all([
      openPage(`http://${http}/`, { viewport: screens[1280] }).then((page) => begun.use(page)),
      Alerts.watching(http).then((alerts) => begun.use(alerts)),
    ]);
    await untilText(open.page, "#headline-title", "All is well", patienceMs);
    begun.move();
    return new Night(name, system, open, alerts, asOperator);
  }

  get page(): Page {
    return this.open.page;
  }

  /** Checks what page, terminal and Prometheus tell. Waits for each. */
  async sees({ title, problem, status, alert }: Sight): Promise<void> {
    await untilText(this.page, "#headline-title", title, patienceMs);
    if (problem) await untilText(this.page, "#headline-problems li", problem, patienceMs);
    await this.types("deno task status", status);
    if (alert) await this.fires(...alert);
    await this.picture("seen");
  }

  async fires(alert: string, summary: RegExp): Promise<void> {
    const said = await eventually(`the alert ${alert}`, async () => (await this.alerts.firing()).get(alert));
    match(said, summary);
  }

  /**
   * Types commands of a document as they stand, and checks that each shows what the document says.
   * @param under the heading above them
   * @param parts of the commands to type, in order; all under the heading by default
   */
  async follows(name: string, under: string, ...parts: readonly string[]): Promise<void> {
    const { sections, elsewhere } = await readDocument(name);
    const told = sections.flatMap(({ steps }) => steps).flatMap((step) => step.kind === "command" ? [step] : []);
    const all = [...told, ...elsewhere.map((each) => ({ ...each, shows: undefined }))]
      .filter((each) => each.under === under);
    const chosen = parts.length === 0 ? all : parts.map((part) => {
      const step = all.find(({ command }) => command.includes(part));
      if (!step) throw new Error(`${name} has no command with "${part}" under ${under}`);
      return step;
    });
    if (chosen.length === 0) throw new Error(`${name} has no commands under ${under}`);
    for (const { command, shows, at } of chosen) {
      if (/rabbitmq/.test(command)) await this.system.pointTools();
      // rotation.md says itself who types what.
      const first = name === "rotation.md" ? "" : this.asOperator;
      await this.system.operator.try(command, shows, `${this.name}, ${at}`, first);
    }
  }

  async types(command: string, shows?: RegExp): Promise<void> {
    await this.system.operator.try(command, shows, this.name, this.asOperator);
  }

  /** Restarts a subscriber as operations.md has it: `kill`, and the command that starts it. */
  async restarts(id: "subscriber-1" | "subscriber-2"): Promise<void> {
    const stop = `kill "$(cat ${id}.pid)" && tail --pid="$(cat ${id}.pid)" -f /dev/null`;
    await this.types(stop);
    await this.follows("operations.md", "Start", `SUBSCRIBER_ID=${id}`, "/health/ready");
  }

  /** Checks that nothing is wrong any longer, and that each event is stored once. */
  async isCalm(): Promise<void> {
    await this.system.checkNothingIsLost();
    await untilText(this.page, "#headline-title", "All is well", patienceMs);
    await this.follows("operations.md", "Every day", "deno task status");
    await this.picture("calm");
    deepStrictEqual(this.open.errors, [], "errors of the page's scripts");
  }

  /** Takes the page's picture on a desktop and on a phone, where CASINO_NIGHTS names a folder. */
  async picture(what: string): Promise<void> {
    const folder = Deno.env.get("CASINO_NIGHTS");
    if (!folder) return;
    const name = `${this.name.replaceAll(" ", "-")}-${++this.#pictures}-${what}`;
    for (const [width, screen] of Object.entries(screens).reverse()) {
      await this.page.setViewportSize(screen);
      await this.page.screenshot({ path: join(folder, `${name}-${width}.png`), animations: "disabled" });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.alerts[Symbol.asyncDispose]();
    await this.open[Symbol.asyncDispose]();
  }
}

/** Tells the stories one after the other, on the same servers. The ledger is compared after the last. */
export async function tell(
  t: Deno.TestContext,
  system: System,
  stories: Readonly<Record<string, Story>>,
  asOperator?: string,
): Promise<void> {
  let failed = false;
  for (const [name, story] of Object.entries(stories)) {
    // Later nights would fail only for the same reason.
    failed ||= !await t.step({
      name,
      ignore: failed,
      async fn() {
        await using night = await Night.begin(name, system, asOperator);
        await story(night, system);
        await night.isCalm();
      },
    });
  }
  const last = "nothing was lost, stored twice, counted twice or left unreported";
  await t.step({ name: last, fn: () => system.checkLedger(), ignore: failed });
}
