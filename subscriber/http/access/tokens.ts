/** The tokens for HTTP: the lines of HTTP_TOKENS_FILE, each `name role token`. */
import { readFileSync } from "node:fs";
import type { Clock } from "../../../shared/runtime/clock.ts";
import { ConfigError, type ReadFile } from "../../../shared/runtime/configuration/config.ts";
import { messageOf } from "../../../shared/runtime/errors.ts";
import type { Log } from "../../../shared/runtime/telemetry/log.ts";
import { indexOfSecret } from "../../../shared/runtime/secrets.ts";

/** Each role includes the roles before it. */
export const roles = ["look", "act", "administer"] as const;
export type Role = typeof roles[number];

export function includes(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

export interface Token {
  /** The owner's name in the audit. During a rotation two tokens have the same name. */
  readonly name: string;
  readonly role: Role;
  readonly secret: string;
}

/** Parses the file. @throws {RangeError} with the line's number, never with its text: it may contain a token */
export function parseTokens(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const [n, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [name = "", role = "", secret = "", ...more] = line.trim().split(/\s+/);
    const found = roles.find((each) => each === role);
    if (found === undefined || more.length > 0) throw fault(n, `must be: name ${roles.join("|")} token`);
    if (!/^[\w.@\-]{1,64}$/.test(name)) throw fault(n, "must begin with a name: 1 to 64 of A-Z a-z 0-9 _ . @ -");
    if (!/^[\x21-\x7e]{16,512}$/.test(secret)) {
      throw fault(n, "must end with a token: 16 to 512 visible ASCII characters");
    }
    if (tokens.some((other) => other.secret === secret)) throw fault(n, "repeats the token of a line before it");
    tokens.push({ name, role: found, secret });
  }
  if (tokens.length === 0) throw new RangeError("has no line: one for each token, name role token");
  return tokens;
}

function fault(index: number, problem: string): RangeError {
  return new RangeError(`line ${index + 1} ${problem}`);
}

export interface Tokens {
  /** Returns the valid tokens. */
  read(): readonly Token[];
}

export function tokenOf(secret: string, tokens: readonly Token[]): Token | undefined {
  return tokens[indexOfSecret(secret, tokens.map((token) => token.secret))];
}

const readAgainMs = 1_000;

export interface TokensFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly readFile?: ReadFile;
}

/** Reads HTTP_TOKENS_FILE again within a second of a change. While the file is unusable, the last tokens stay valid. */
export class TokensFile implements Tokens {
  readonly #options: TokensFileOptions;
  readonly #readFile: ReadFile;
  #text: string;
  #tokens: readonly Token[];
  #problem = "";
  #readAt: number;

  /** @throws {ConfigError} when the file is unusable */
  constructor(options: TokensFileOptions) {
    const { path, clock, readFile = (path) => readFileSync(path, "utf8") } = options;
    this.#options = options;
    this.#readFile = readFile;
    this.#readAt = clock.monotonic();
    try {
      this.#text = readFile(path);
      this.#tokens = parseTokens(this.#text);
    } catch (error) {
      throw new ConfigError([`HTTP_TOKENS_FILE=${path}: ${messageOf(error)}`]);
    }
  }

  read(): readonly Token[] {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#readAt >= readAgainMs) {
      this.#readAt = clock.monotonic();
      this.#readAgain();
    }
    return this.#tokens;
  }

  #readAgain(): void {
    const { path, log } = this.#options;
    try {
      const text = this.#readFile(path);
      if (text !== this.#text) {
        this.#tokens = parseTokens(text);
        this.#text = text;
        const names = this.#tokens.map(({ name, role }) => `${name} (${role})`);
        log.info("HTTP_TOKENS_FILE has changed", { event: "http.tokens_changed", names });
      }
      this.#problem = "";
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#problem) {
        log.error("HTTP_TOKENS_FILE cannot be used; the tokens before it stay", {
          event: "http.tokens_unusable",
          problem,
        });
      }
      this.#problem = problem;
    }
  }
}
