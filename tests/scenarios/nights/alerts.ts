/** Prometheus with the alerts of deploy/prometheus, as an operator has it. Alerts fire at once, without their `for`. */
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { TemporaryFolder } from "../../harness/temporary.ts";
import { project } from "../../harness/world.ts";

interface FiringAlert {
  readonly state: "firing" | "pending";
  readonly labels: { readonly alertname: string };
  readonly annotations: { readonly summary: string };
}

export class Alerts implements AsyncDisposable {
  private constructor(
    private readonly folder: TemporaryFolder,
    private readonly address: string,
    private readonly prometheus: Deno.ChildProcess,
  ) {}

  /**
   * Starts a Prometheus without history, and waits until no alert fires.
   * @param target host:port at which a subscriber serves its metrics
   */
  static async watching(target: string): Promise<Alerts> {
    const folder = await TemporaryFolder.make("casino-prometheus-");
    const rules = await Deno.readTextFile(join(project, "deploy/prometheus/alerts.yaml"));
    await folder.write("alerts.yaml", rules.replaceAll(/^ +for: .*\n/gm, ""));
    const config = await folder.write(
      "prometheus.yaml",
      `
global: { scrape_interval: 500ms, evaluation_interval: 500ms }
rule_files: [alerts.yaml]
scrape_configs: [{ job_name: casino-subscriber, static_configs: [{ targets: ["${target}"] }] }]
`,
    );
    const address = `127.0.0.1:${freePort()}`;
    const prometheus = new Deno.Command("prometheus", {
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder.path, "data")}`,
        `--web.listen-address=${address}`,
        "--log.level=error",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const alerts = new Alerts(folder, address, prometheus);
    // Alerts for absent metrics fire before the first scrape.
    let seen: unknown;
    try {
      await eventually("metrics", () => alerts.#isScraping());
      await eventually("no alert", async () => (seen = await alerts.firing(), (await alerts.firing()).size === 0));
    } catch (error) {
      await alerts[Symbol.asyncDispose]();
      throw new Error(`no calm before the night: ${JSON.stringify(Array.from(seen as Map<string, string> ?? []))}`, {
        cause: error,
      });
    }
    return alerts;
  }

  /** Returns the summaries of the alerts that fire, by their names; each summary is a line. */
  async firing(): Promise<ReadonlyMap<string, string>> {
    const { alerts } = await this.#ask<{ alerts: readonly FiringAlert[] }>("alerts");
    // Only one subscriber serves metrics here.
    const counted = alerts.filter(({ state, labels }) =>
      state === "firing" && labels.alertname !== "CasinoSubscriberAlone"
    );
    const firing = Map.groupBy(counted, ({ labels }) => labels.alertname);
    return new Map(Array.from(firing, ([name, each]) => [name, each.map((it) => it.annotations.summary).join("\n")]));
  }

  async #isScraping(): Promise<boolean> {
    const { result } = await this.#ask<{ result: readonly unknown[] }>("query?query=casino_info").catch(() => ({
      result: [],
    }));
    return result.length > 0;
  }

  async #ask<T>(what: string): Promise<T> {
    const response = await fetch(`http://${this.address}/api/v1/${what}`);
    return (await response.json()).data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.prometheus.kill("SIGTERM");
    await this.prometheus.status;
    await this.folder[Symbol.asyncDispose]();
  }
}
