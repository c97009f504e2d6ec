/**
 * A container's health check: `http.ts http://127.0.0.1:8080/health/live`. The exit status is 0 when the answer is a
 * success.
 */
import { messageOf } from "../../shared/runtime/errors.ts";
import { printable } from "../../shared/runtime/printable.ts";

const timeoutMs = 3_000;

/** @returns the problem; `undefined` when the answer is a success */
export async function problemOf(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    return response.ok ? undefined : printable(`${url} answers ${response.status}`);
  } catch (error) {
    return printable(`${url} does not answer: ${messageOf(error)}`);
  }
}

if (import.meta.main) {
  const problem = await problemOf(Deno.args[0] ?? "");
  if (problem !== undefined) console.error(problem);
  Deno.exit(problem === undefined ? 0 : 1);
}
