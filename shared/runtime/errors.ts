/** The one place that says what an error means for what we do next. */
import { cutTo } from "./printable.ts";

/** No retry cures it; the message says what does. */
export class PermanentError extends Error {
  override readonly name: string = "PermanentError";
}

/** No retry cures it: the broker rejects our credentials or our request. */
export function isPermanentBrokerError(error: unknown): boolean {
  if (error instanceof PermanentError) return true;
  // RabbitMQ answers a failed login with 403 ACCESS_REFUSED, an unknown virtual host with 530 NOT_ALLOWED; with the same
  // 530 a limit on connections or channels, which ends when others leave.
  return error instanceof Error && !/limit (of )?\(\d+\)/.test(error.message) &&
    /ACCESS[_-]REFUSED|NOT[_-]ALLOWED|403 \(ACCESS/i.test(error.message);
}

/**
 * What to do with a batch that Postgres refused.
 * - `split`: a value in one of its rows is at fault (SQLSTATE class 22, data exception, or 23, integrity constraint)
 * - `retry`: the database is away, busy or not ready; the rows are fine
 */
export type StoreFault = "split" | "retry";

/** What a whole batch needs could not be read: that says nothing of its rows, whatever its SQLSTATE. */
export class BatchReadError extends Error {
  override readonly name = "BatchReadError";
  readonly code: unknown;

  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
    this.code = (cause as { code?: unknown } | null)?.code;
  }
}

/** Classes of SQLSTATE: PostgreSQL documentation, appendix A. */
export function classifyStoreError(error: unknown): StoreFault {
  if (error instanceof BatchReadError) return "retry";
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^2[23][0-9A-Z]{3}$/.test(code) ? "split" : "retry";
}

/** A row with the same key is stored already: SQLSTATE unique_violation. */
export function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "23505";
}

/** What the database said, and the way out where there is a plain one. */
export function explainStoreError(error: unknown): string {
  const { code } = error as { code?: string };
  // undefined_table, and undefined_column: a subscriber that is newer than the tables.
  return code === "42P01" || code === "42703" ? `${messageOf(error)}; run \`deno task migrate\`` : messageOf(error);
}

/** A server's words may repeat a value of any length. */
const mostOfMessage = 4_096;

/** One line for humans and logs: an error's message, or the messages of all that an AggregateError holds; cut if long. */
export function messageOf(error: unknown): string {
  return cutTo(wholeMessageOf(error), mostOfMessage);
}

function wholeMessageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(messageOf))].join("; ");
  }
  if (error instanceof Error) return error.message || (error as { code?: string }).code || error.name;
  return String(error);
}

/** Returns a failure to reach a server as one sentence with the way out, and any other error as it is. */
export function explainConnection(error: unknown, server: string, url: string): unknown {
  const { code, errors, message } = error as { code?: string; errors?: { code?: string }[]; message?: string };
  // pg has no code for a server that is silent, or hangs up.
  const causes = [code, ...(errors ?? []).map((inner) => inner.code), message];
  const unreachable = causes.find((cause) =>
    /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|Connection terminated.*|timeout exceeded when trying to connect)$/
      .test(cause ?? "")
  );
  if (!unreachable) return error;
  return new Error(
    `${server} does not answer at ${new URL(url).host} (${unreachable}). Run \`deno task up\` to start the servers.`,
  );
}
