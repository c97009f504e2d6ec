/** What `up` and `down` know of each of the three servers. */
import type { Config } from "../../shared/config.ts";

export type ServerName = "rabbitmq" | "redis" | "postgres";

export type ServerConfig = Pick<Config, "RABBITMQ_URL" | "REDIS_URL" | "DATABASE_URL">;

/** What answers at a server's address. */
export type Answer =
  /** The server itself, in a version that will do, and it lets us in. */
  | { readonly kind: "fits"; readonly version: string }
  /** Nobody. */
  | { readonly kind: "absent" }
  /** Postgres, but without our role or database. */
  | { readonly kind: "bare"; readonly problem: string }
  /** Something else, or a server that does not let us in or is too old. */
  | { readonly kind: "misfit"; readonly problem: string };

/** A process that `up` started and `down` stops. */
export interface Process {
  readonly name: string;
  readonly pid: number;
  /** When the process began, as the system tells it: a pid alone may be another's by now. */
  readonly begun: string;
}

/** How a server is run from the system's packages. */
export interface NativeServer {
  readonly name: ServerName;
  /** Programs that must be there, by name or path; the first found of each list counts. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** The user that it runs as when we are root. */
  readonly user: string;
  /** Prepares the folder, which belongs to that user, and says what to run in it. */
  prepare(context: NativeContext): Promise<readonly Launch[]>;
  /** Called once it runs, before it is asked whether it fits. */
  afterStart?(context: NativeContext): Promise<void>;
}

export interface NativeContext {
  readonly folder: string;
  readonly programs: Readonly<Record<string, string>>;
  readonly url: URL;
  /** Runs a program as the server's user and waits for its end. @throws an error with its last words */
  run(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<void>;
}

export interface Launch {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The server could not be brought up; the message says why and what to do. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

export const titles: Readonly<Record<ServerName, string>> = {
  rabbitmq: "RabbitMQ",
  redis: "Redis",
  postgres: "Postgres",
};

export const settingOf = { rabbitmq: "RABBITMQ_URL", redis: "REDIS_URL", postgres: "DATABASE_URL" } as const;

const defaultPorts: Readonly<Record<ServerName, string>> = { rabbitmq: "5672", redis: "6379", postgres: "5432" };

export function urlOf(name: ServerName, config: ServerConfig): URL {
  const url = new URL(config[settingOf[name]]);
  if (url.port === "") url.port = defaultPorts[name];
  return url;
}

/** Whether the address is on this machine, where `up` may start a server. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname.startsWith("127.") || hostname === "[::1]";
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
