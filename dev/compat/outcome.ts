/** Which scenarios say something of the servers, and what came of them. */
import type { Counts } from "../check/run_job.ts";
import { titles } from "../../tools/services/server.ts";

/** By what they use of the harness: members on the usual servers, servers of their own, or a document to follow. */
const ofServers =
  /\b(?:withWorld|withBatch|sharedWorld|PrivateWorld|PrivateServers|EncryptedServers|Checkout|follow)\b|servers\/servers\.ts/;
/** A browser is large, and sees of the servers what the scenarios of HTTP see. */
const ofBrowser = /\/browser\.ts/;

/** @param source of a scenario */
export function isOfServers(source: string): boolean {
  return ofServers.test(source) && !ofBrowser.test(source);
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
