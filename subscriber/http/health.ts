/** `GET /health/ready`: whether this subscriber can do its work now, and why not. */
import { dependencies, type Dependency, dependencyNames } from "../metrics/probes.ts";
import type { Sources } from "../metrics/sources.ts";

export interface Readiness {
  readonly ready: boolean;
  /** Sentences; empty when it is ready. */
  readonly why_not: readonly string[];
  /** Of the queue, this subscriber included; `null` when the broker does not tell. */
  readonly consumers: number | null;
  readonly dependencies: readonly {
    readonly name: string;
    readonly ok: boolean;
    /** Without it the subscriber cannot work; without the others it has another way. */
    readonly required: boolean;
    readonly problem: string | null;
  }[];
}

const required: ReadonlySet<Dependency> = new Set(["rabbitmq", "postgres"]);

type ReadinessSources = Pick<Sources, "dependencies" | "consuming" | "depths" | "leaving">;

/** Never rejects. */
export async function readinessOf(
  { dependencies: read, consuming, depths, leaving }: ReadinessSources,
): Promise<Readiness> {
  const [states, found] = await Promise.all([read(), depths().catch(() => undefined)]);
  const why = [];
  if (leaving.aborted) why.push("This subscriber is leaving.");
  else if (!consuming()) why.push("This subscriber is not consuming.");
  for (const name of required) {
    const { ok, problem } = states[name];
    if (!ok) why.push(`${dependencyNames.servers[name]} does not serve: ${problem}.`);
  }
  return {
    ready: why.length === 0,
    why_not: why,
    consumers: found?.events.consumers ?? null,
    dependencies: dependencies.map((name) => ({
      name: dependencyNames.servers[name],
      ok: states[name].ok,
      required: required.has(name),
      problem: states[name].problem ?? null,
    })),
  };
}
