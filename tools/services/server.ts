/** The three servers: their names, URLs and versions, and the interface of a way to start them. */
import type { Config } from "../../shared/runtime/configuration/config.ts";

export type ServerName = "rabbitmq" | "redis" | "postgres";

export type ServerConfig = Pick<Config, "RABBITMQ_URL" | "REDIS_URL" | "DATABASE_URL">;

/** The result of probing a server's address. */
export type Answer =
  /** The right server in a supported version, which accepts our login. */
  | { readonly kind: "fits"; readonly version: string }
  /** Nothing listens there. */
  | { readonly kind: "absent" }
  /** Postgres, but without our role or database. */
  | { readonly kind: "bare"; readonly problem: string; readonly lacks: "login" | "database" }
  /** Another kind of server, or one that refuses our login or is too old. */
  | { readonly kind: "misfit"; readonly problem: string };

export type Bare = Extract<Answer, { kind: "bare" }>;

export interface WayOptions {
  readonly config: ServerConfig;
  /** The project's root. */
  readonly project: string;
  readonly say: (sentence: string) => void;
}

/** One way to start the servers that do not answer. */
export interface Way {
  /** Checks that everything it needs is available. @returns the folder whose state records the started servers */
  prepare(names: readonly ServerName[], options: WayOptions): Promise<string>;
  /** Starts the servers, and waits until they accept our login. Only one call at a time per folder. */
  start(names: readonly ServerName[], folder: string, options: WayOptions): Promise<void>;
}

/** The server could not be started; the message says why, and what to do. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

export const serverNames: readonly ServerName[] = ["rabbitmq", "redis", "postgres"];

export const titles: Readonly<Record<ServerName, string>> = {
  rabbitmq: "RabbitMQ",
  redis: "Redis",
  postgres: "Postgres",
};

export const settingOf = { rabbitmq: "RABBITMQ_URL", redis: "REDIS_URL", postgres: "DATABASE_URL" } as const;

const defaultPorts: Readonly<Record<string, string>> = {
  "amqp:": "5672",
  "amqps:": "5671",
  "redis:": "6379",
  "rediss:": "6379",
  "postgres:": "5432",
  "postgresql:": "5432",
};

/** Returns the configured URL with an explicit port. */
export function urlOf(name: ServerName, config: ServerConfig): URL {
  const url = new URL(config[settingOf[name]]);
  if (url.port === "") url.port = defaultPorts[url.protocol]!;
  return url;
}

/** Returns the address to listen at, so that clients reach it under the URL's host. */
export function listenAddress({ hostname }: URL): string {
  return hostname === "localhost" ? "127.0.0.1" : hostname.replace(/^\[|\]$/g, "");
}

/** Returns the URL's user, password and path, decoded; empty strings where they are missing. */
export function credentialsOf({ username, password, pathname }: URL): { user: string; password: string; path: string } {
  return {
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    path: decodeURIComponent(pathname.slice(1)),
  };
}

/**
 * Compares versions number by number: 6.10 is newer than 6.2. Ignores text after the numbers (`-rc.1`, ` (Debian …)`).
 */
export function isAtLeast(version: string, least: string): boolean {
  const [has, needs] = [numbersOf(version), numbersOf(least)];
  for (const [index, needed] of needs.entries()) {
    const part = has[index] ?? 0;
    if (part !== needed) return part > needed;
  }
  return true;
}

function numbersOf(version: string): number[] {
  return (/^\d+(\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
}

/** Waits for all promises. @throws {ServiceError} with one line for each that failed */
export async function allOrProblems<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  const problems = settled.flatMap((each) => each.status === "rejected" ? [String(each.reason.message)] : []);
  if (problems.length > 0) throw new ServiceError(problems.join("\n"));
  return settled.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
