/** Which scenarios say something of the servers, and what came of them. */
import { titles } from "../../tools/services/server.ts";

/** By what they use of the harness: members on the usual servers, servers of their own, or a document to follow. */
const ofServers =
  /\b(?:withWorld|withBatch|PrivateWorld|PrivateServers|EncryptedServers|Checkout|follow)\b|servers\/servers\.ts/;
/** A browser is large, and sees of the servers what the scenarios of HTTP see. */
const ofBrowser = /\/browser\.ts/;

/** @param source of a scenario */
export function isOfServers(source: string): boolean {
  return ofServers.test(source) && !ofBrowser.test(source);
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Of the output of `deno test`: its closing line; zeros when there is none, as when a file did not load. */
export function countsIn(output: string): Counts {
  const [, passed = "0", failed = "0"] =
    Array.from(output.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/gm)).at(-1) ?? [];
  return { passed: Number(passed), failed: Number(failed) };
}

/** Of the output of `up`: `RabbitMQ 4.0.5`, … */
export function versionsIn(output: string): string[] {
  return Object.values(titles).map((title) => {
    const version = new RegExp(`^${title} (\\d+(?:\\.\\d+)*)`, "m").exec(output)?.[1];
    if (version === undefined) throw new Error(`up names no version of ${title}:\n${output}`);
    return `${title} ${version}`;
  });
}

export function summary(versions: readonly string[], { passed, failed }: Counts): string {
  return `${versions.join(", ")}: ${passed} passed, ${failed} failed`;
}
