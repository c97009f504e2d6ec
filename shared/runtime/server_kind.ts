/** Which kind of server answers at an address: for a URL that names the wrong one, which otherwise only times out. */
import { connect } from "node:net";
import { PermanentError } from "./errors.ts";

export type ServerKind = "RabbitMQ" | "Redis" | "Postgres" | "an HTTP server";

const patienceMs = 1_000;
const [amqpPort, redisPort, postgresPort] = [5672, 6379, 5432];

/**
 * Postgres answers a request for TLS with one letter. RabbitMQ answers anything but its own protocol with a header of
 * that, an HTTP server with a status line. Redis answers lines alone, and waits for the end of one.
 */
const questions = [Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47), "PING\r\n"];

const greetings: readonly (readonly [RegExp, ServerKind])[] = [
  [/^AMQP/, "RabbitMQ"],
  [/^HTTP\//, "an HTTP server"],
  [/^[SN]$/, "Postgres"],
  [/^(-ERR|-NOAUTH|-DENIED|\+PONG)/, "Redis"],
];

/** @returns `undefined` within 2 s when nothing answers, or nothing that is known: what speaks TLS alone, for one */
export async function serverKindAt(host: string, port: number): Promise<ServerKind | undefined> {
  for (const question of questions) {
    const answer = await answerOf(host, port, question);
    const known = greetings.find(([greeting]) => greeting.test(answer));
    if (known) return known[1];
  }
  return undefined;
}

/** The first bytes that come; empty when none do. */
function answerOf(host: string, port: number, question: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: string) => {
      clearTimeout(givingUp);
      socket.destroy();
      resolve(answer);
    };
    const givingUp = setTimeout(() => end(""), patienceMs);
    socket.on("connect", () => socket.write(question));
    socket.on("data", (bytes) => end(bytes.toString("latin1")));
    socket.on("error", () => end(""));
    socket.on("close", () => end(""));
  });
}

/** The setting that names each kind of server, and its port. */
const settings = {
  RabbitMQ: { variable: "RABBITMQ_URL", port: amqpPort },
  Redis: { variable: "REDIS_URL", port: redisPort },
  Postgres: { variable: "DATABASE_URL", port: postgresPort },
};

export type Server = keyof typeof settings;

/** For a server that gave no answer which its client understands: the sentence for people when another kind answers there. */
export async function otherServerAt(url: string, wanted: Server): Promise<PermanentError | undefined> {
  const { hostname, host, port } = new URL(url);
  const { variable, port: usual } = settings[wanted];
  const kind = await serverKindAt(hostname.replace(/^\[|\]$/g, ""), Number(port || usual));
  if (kind === undefined || kind === wanted) return undefined;
  return new PermanentError(`${variable} must name ${wanted}, but ${kind} answers at ${host}`);
}

/** Returns a failure to reach a server as one sentence with the way out, and any other error as it is. */
export async function explainConnection(error: unknown, server: Server, url: string): Promise<unknown> {
  const cause = unreachableBy(error);
  if (cause === undefined) return error;
  const other = nothingListens(error) ? undefined : await otherServerAt(url, server);
  const sentence = `${server} does not answer at ${new URL(url).host} (${cause}).`;
  return other ?? new Error(`${sentence} Run \`deno task up\` to start the servers.`);
}

/** Whether no server can be asked what it is. */
export function nothingListens(error: unknown): boolean {
  return causesOf(error).some((cause) => /^(ECONNREFUSED|ENOTFOUND|EHOSTUNREACH)$/.test(cause ?? ""));
}

/** pg has no code for a server that is silent, or hangs up. */
function unreachableBy(error: unknown): string | undefined {
  return causesOf(error).find((cause) =>
    /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT|Connection terminated.*|timeout exceeded when trying to connect)$/
      .test(cause ?? "")
  );
}

function causesOf(error: unknown): (string | undefined)[] {
  const { code, errors, message } = error as { code?: string; errors?: { code?: string }[]; message?: string };
  return [code, ...(errors ?? []).map((inner) => inner.code), message];
}
