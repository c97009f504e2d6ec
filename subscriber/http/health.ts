/** `GET /health/ready`: whether this subscriber can work, and why not. */
import { dependencies, type Dependency, dependencyNames } from "../metrics/probes.ts";
import type { SubscriberAnswer } from "../dashboard/subscriber_answer.ts";
import type { Sources } from "../metrics/sources.ts";

export interface Readiness {
  readonly ready: boolean;
  /** One sentence per problem; empty when the subscriber is ready. */
  readonly why_not: readonly string[];
  /** Number of consumers of the queue, this subscriber included; `null` when the broker does not answer. */
  readonly consumers: number | null;
  /** All subscribers, stuck ones first. Another stuck subscriber does not make this one unready. */
  readonly subscribers: readonly SubscriberAnswer[];
  readonly dependencies: readonly {
    readonly name: string;
    readonly ok: boolean;
    /** Whether the subscriber cannot work without it. */
    readonly required: boolean;
    readonly problem: string | null;
  }[];
}

const required: ReadonlySet<Dependency> = new Set(["rabbitmq", "postgres"]);

type ReadinessSources = Pick<Sources, "dependencies" | "consuming" | "depths" | "leaving" | "own" | "subscribers">;

/** Never rejects. */
export async function readinessOf(
  { dependencies: read, consuming, depths, leaving, own, subscribers }: ReadinessSources,
): Promise<Readiness> {
  const [states, found, fleet] = await Promise.all([read(), depths().catch(() => undefined), subscribers()]);
  const why = [];
  if (leaving.aborted) why.push("This subscriber is leaving.");
  else if (!consuming()) why.push("This subscriber is not consuming.");
  const { state, last_error } = own.read();
  if (state === "holding" && !own.takesMore) why.push(`This subscriber holds events: ${last_error}.`);
  for (const name of required) {
    const { ok, problem } = states[name];
    if (!ok) why.push(`${dependencyNames.servers[name]} does not serve: ${problem}.`);
  }
  return {
    ready: why.length === 0,
    why_not: why,
    consumers: found?.events.consumers ?? null,
    subscribers: fleet.subscribers,
    dependencies: dependencies.map((name) => ({
      name: dependencyNames.servers[name],
      ok: states[name].ok,
      required: required.has(name),
      problem: states[name].problem ?? null,
    })),
  };
}
