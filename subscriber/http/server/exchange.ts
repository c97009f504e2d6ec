/** Answers a request of node:http with a function of the Fetch API. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { callWithDeadline } from "../../../shared/runtime/deadline.ts";
import { Problem, problemResponse } from "../problem.ts";

/** A reader that reads nothing for this time (ms) is disconnected. */
const writeTimeoutMs = 10_000;

/**
 * Resolves when the answer is sent, or its reader is gone. Never rejects: it ends the connection itself after an error.
 */
export async function exchange(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answer: (request: Request) => Promise<Response>,
  clock: Clock,
): Promise<void> {
  try {
    const response = await answered(incoming, answer);
    // Requests may not have a body. Keeping the connection would require reading the rest of it.
    if (response.status === 413) outgoing.shouldKeepAlive = false;
    outgoing.writeHead(response.status, [...response.headers].flat());
    outgoing.flushHeaders();
    if (response.body) await send(response.body.getReader(), outgoing, clock);
    outgoing.end();
  } catch {
    outgoing.destroy();
  }
}

/** Sends the body. @throws {DeadlineExceeded} when the reader reads nothing for `writeTimeoutMs` */
async function send(
  body: ReadableStreamDefaultReader<Uint8Array>,
  outgoing: ServerResponse,
  clock: Clock,
): Promise<void> {
  const gone = () => body.cancel().catch(() => {});
  if (outgoing.destroyed) gone();
  outgoing.once("close", gone);
  for (let part; !(part = await body.read()).done;) {
    if (outgoing.destroyed || outgoing.write(part.value)) continue;
    await callWithDeadline(writeTimeoutMs, clock, (signal) => drained(outgoing, signal));
  }
}

async function answered(
  incoming: IncomingMessage,
  answer: (request: Request) => Promise<Response>,
): Promise<Response> {
  let request: Request;
  try {
    request = requestOf(incoming);
  } catch (error) {
    return problemResponse(new Problem(400, `this is no request that can be answered: ${(error as Error).message}`));
  }
  return await answer(request);
}

/** Returns the request without its body, which is never read. */
function requestOf({ method = "GET", url = "/", rawHeaders, headers: { host = "" } }: IncomingMessage): Request {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  // As a relative URL, a path that begins with two slashes would name a host.
  const target = url.startsWith("/") ? `http://${host}${url}` : url;
  return new Request(target, { method, headers });
}

async function drained(outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  await Promise.race([once(outgoing, "drain", { signal }), once(outgoing, "close", { signal })]);
}
