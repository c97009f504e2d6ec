/** Requests to a subscriber's HTTP, as an operator sends them. */
import { ok } from "node:assert/strict";
import type { Member } from "../../tools/demo/members.ts";
import type { World } from "./world.ts";

const timeoutMs = 10_000;
export const token = "a-token-of-the-test-0123456789";
export const lookToken = "a-token-to-look-with-0123456789";
/** Path for HTTP_TOKENS_FILE, which holds these two tokens. */
export const tokensFile = Deno.makeTempFileSync({ prefix: "casino-tokens-" });
Deno.writeTextFileSync(tokensFile, `operator administer ${token}\nguest look ${lookToken}\n`);
globalThis.addEventListener("unload", () => Deno.removeSync(tokensFile));

/** Starts a subscriber that serves HTTP on a free port. @returns its address, http://127.0.0.1:PORT */
export async function startServing(world: World, id: string, env: Record<string, string> = {}): Promise<string> {
  const member = await world.startSubscriber(id, { HTTP_TOKENS_FILE: tokensFile, ...env }, { http: "127.0.0.1:0" });
  return urlOf(member);
}

/** Returns the address at which a ready subscriber serves HTTP. */
export function urlOf({ records }: Member): string {
  // The last release logs no event codes.
  return String(records.find(({ event, message }) => event === "http.ready" || message === "Serving HTTP")?.["url"]);
}

export async function get(url: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(url, { signal: AbortSignal.timeout(timeoutMs), ...init });
}

export async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const response = await get(url, init);
  await response.body?.cancel();
  return response.status;
}

export async function getText(url: string): Promise<string> {
  return await (await get(url)).text();
}

/** Asserts that /metrics contains these lines. @returns the whole text */
export async function assertMetrics(url: string, ...lines: readonly string[]): Promise<string> {
  const metrics = await getText(`${url}/metrics`);
  const served = new Set(metrics.split("\n"));
  for (const line of lines) ok(served.has(line), `${line} in\n${metrics}`);
  return metrics;
}

/** Tests check the shape of an answer. */
// deno-lint-ignore no-explicit-any -- an answer is whatever JSON it is
type Answer = any;

export async function getJson(url: string, init: RequestInit = {}): Promise<Answer> {
  return await (await get(url, init)).json();
}

/** Sends the request with the token. */
export async function asOperator(url: string, method = "GET"): Promise<Answer> {
  return await getJson(url, { method, headers: { authorization: `Bearer ${token}` } });
}

/** Polls until the answer is right, for at most 20 s. */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  isRight: (answer: T) => boolean,
  what: string,
): Promise<T> {
  const giveUpAt = performance.now() + 20_000;
  let last: unknown;
  while (performance.now() < giveUpAt) {
    try {
      const answer = await ask();
      if (isRight(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: not within 20 s; last seen: ${last instanceof Error ? last : JSON.stringify(last)}`);
}
