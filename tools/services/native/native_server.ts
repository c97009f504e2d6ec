/** How a server is run from the system's packages. */
import type { Launch } from "../process.ts";
import type { ServerName } from "../server.ts";

export interface NativeServer {
  readonly name: ServerName;
  /** Programs that must be there, by name or path; the first found of each list counts. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** The user that it runs as when we are root. */
  readonly user: string;
  /** Prepares the folder, and says what to run in it, in this order. */
  prepare(context: NativeContext): Promise<readonly Launch[]>;
}

export interface NativeContext {
  /** For this server alone; belongs to its user. */
  readonly folder: string;
  readonly programs: Readonly<Record<string, string>>;
  readonly url: URL;
  /** Runs a program in the folder as the server's user and waits for its end. @throws an error with its last words */
  run(program: string, args: readonly string[]): Promise<string>;
}
