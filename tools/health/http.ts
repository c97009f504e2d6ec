/**
 * For a container's health check: `http.ts http://127.0.0.1:8080/health/live`. Exit status 0 when that answers well.
 */
const timeoutMs = 3_000;
const [url = ""] = Deno.args;

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  await response.body?.cancel();
  if (response.ok) Deno.exit(0);
  console.error(`${url} answers ${response.status}`);
} catch (error) {
  console.error(`${url} does not answer: ${(error as Error).message}`);
}
Deno.exit(1);
