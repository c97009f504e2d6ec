/** How long `GET /materialized` takes, however much is stored. */
import { Program } from "../program.ts";
import type { Environment } from "../environment.ts";
import { percentile } from "../statistics.ts";
import { anyPort, type Figures } from "./consume.ts";

/** Fewer a second than one address may make. */
const [asks, everyMs] = [600, 25] as const;

export async function askMaterialized(environment: Environment): Promise<Figures> {
  await using subscriber = new Program({
    program: { task: "subscriber" },
    args: ["--quiet", ...anyPort],
    env: { ...environment.env, SUBSCRIBER_ID: "asked" },
  });
  const { url } = JSON.parse(await subscriber.until("Serving HTTP"));
  await subscriber.until("Consuming");
  const tookMs: number[] = [];
  for (let asked = 0; asked < asks; asked++) {
    const begun = performance.now();
    const response = await fetch(`${url}/materialized`);
    await response.json();
    if (!response.ok) throw new Error(`GET /materialized gave ${response.status}`);
    tookMs.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  await subscriber.stop();
  tookMs.sort((a, b) => a - b);
  return { p50Ms: percentile(tookMs, 50), p99Ms: percentile(tookMs, 99), maxMs: tookMs.at(-1)! };
}
