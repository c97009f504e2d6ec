/** The subscribers of a campaign. */
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import type { Member } from "../../tools/demo/members.ts";
import { delay } from "../../tools/services/server.ts";
import type { Ledger } from "../harness/ledger.ts";
import { urlOf } from "../harness/http.ts";
import type { MemoryLimit } from "../harness/memory_limit.ts";
import type { PrivateWorld } from "../harness/private_world.ts";

/**
 * By then the refused subscriber has met the refusal; every other subscriber has heard of it, or reports that it hears
 * nothing.
 */
const knownMs = 10_000;

/** Creates one Postgres role for each subscriber, before they start. */
export async function createRoles({ servers }: PrivateWorld, size: number): Promise<void> {
  const owner = new URL(servers.direct.DATABASE_URL).username;
  const statements = Array.from(
    { length: size },
    (_, n) => `create role ${roleOf(n)} login password '${password}' in role ${owner}`,
  );
  await servers.asSuperuser(statements.join("; "));
}

const password = "a-password-of-the-test";

/** Runs the statement even when the server is read-only by default. */
function evenIfReadOnly(statement: string): string {
  return `begin read write; ${statement}; commit`;
}

function roleOf(n: number): string {
  return `subscriber_${n + 1}`;
}

/** A slot for each subscriber, with the process that currently fills it. */
export class Workers {
  readonly #members: Member[];
  /** Slots that are temporarily empty on purpose. */
  readonly #vacant = new Set<number>();
  /** When each paused member resumed; `Infinity` while it is still paused. */
  readonly #wentOnAt = new Map<Member, number>();
  /** Since when Postgres refuses each subscriber. */
  readonly #refused = new Map<number, number>();

  constructor(
    private readonly world: PrivateWorld,
    private readonly ledger: Ledger,
    readonly size: number,
    /** For each slot, a handle to limit its memory, where this process may do so. */
    private readonly limits: readonly (MemoryLimit | undefined)[],
  ) {
    this.#members = Array.from({ length: size }, (_, n) => this.#start(n));
  }

  nameOf(n: number): string {
    return `subscriber-${n + 1}`;
  }

  /** Ends the subscriber, and starts another one in its slot after `ms`. */
  async replace(n: number, how: "kill" | "stop", ms: number): Promise<void> {
    this.#vacant.add(n);
    await this.world[how](this.#members[n]!);
    await delay(ms);
    this.#members[n] = this.#start(n);
    this.#vacant.delete(n);
  }

  /** Suspends the process for `ms`, as swapping or CPU starvation does. */
  async pause(n: number, ms: number): Promise<void> {
    const member = this.#members[n]!;
    this.#wentOnAt.set(member, Infinity);
    this.world.members.signal(member, "SIGSTOP");
    await delay(ms);
    this.world.members.signal(member, "SIGCONT");
    this.#wentOnAt.set(member, clock.monotonic());
  }

  /** Returns whether the subscriber at this URL was paused at any time since `since`. */
  hasPaused(url: string, since: number): boolean {
    const member = this.#members.find((member) => urlOf(member) === url);
    return member !== undefined && (this.#wentOnAt.get(member) ?? 0) >= since;
  }

  /** Makes Postgres refuse the subscriber's role, and ends its connections. */
  async refuse(n: number): Promise<void> {
    await this.#alter(n, "nologin");
    this.#refused.set(n, clock.monotonic());
  }

  /** Limits the subscriber's role to this many connections; -1: unlimited. */
  limit(n: number, connections: number): Promise<void> {
    return this.#alter(n, `connection limit ${connections}`);
  }

  async admit(n: number): Promise<void> {
    this.#refused.delete(n);
    await this.world.servers.asSuperuser(evenIfReadOnly(`alter role ${roleOf(n)} login`));
  }

  async admitAll(): Promise<void> {
    for (let n = 0; n < this.size; n++) await this.admit(n);
  }

  /** Subscribers that Postgres has refused for long enough that every subscriber must know. */
  get refused(): string[] {
    const since = clock.monotonic() - knownMs;
    return [...this.#refused].filter(([, at]) => at <= since).map(([n]) => this.nameOf(n));
  }

  get names(): string[] {
    return this.#members.map((_, n) => this.nameOf(n));
  }

  /** Restarts crashed subscribers. */
  async ensureAll(): Promise<void> {
    for (const [n, member] of this.#members.entries()) {
      if (this.#vacant.has(n)) continue;
      const ended = await Promise.race([member.ended, delay(0)]);
      if (ended) this.#members[n] = this.#start(n);
    }
  }

  /** HTTP URLs of the running subscribers. */
  get urls(): string[] {
    return this.#members.map(urlOf).filter((url) => URL.canParse(url));
  }

  async leave(): Promise<void> {
    await Promise.all(this.#members.map((member) => this.world.stop(member)));
  }

  /** Alters the role, and ends its connections. */
  async #alter(n: number, change: string): Promise<void> {
    const role = roleOf(n);
    await this.world.servers.asSuperuser(evenIfReadOnly(`alter role ${role} ${change}`));
    await this.world.servers.asSuperuser(
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`,
    );
  }

  #start(n: number): Member {
    const onLine = (line: string) => this.ledger.report(line);
    const database = new URL(this.world.env["DATABASE_URL"]!);
    [database.username, database.password] = [roleOf(n), password];
    const env = { DATABASE_URL: database.href };
    const start = () => this.world.startSubscriber(this.nameOf(n), env, { onLine, http: "127.0.0.1:0" });
    return this.limits[n]?.around(start) ?? start();
  }
}
