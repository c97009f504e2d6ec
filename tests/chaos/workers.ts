/** The subscribers of a campaign. */
import { systemClock as clock } from "../../shared/runtime/clock.ts";
import type { Member } from "../../tools/demo/members.ts";
import { delay } from "../../tools/services/server.ts";
import type { Ledger } from "../harness/ledger.ts";
import { urlOf } from "../harness/http.ts";
import type { MemoryLimit } from "../harness/memory_limit.ts";
import type { PrivateWorld } from "../harness/private_world.ts";

/** A refused subscriber has met the refusal by then, and all others have heard of it, or say that they do not hear it. */
const knownMs = 10_000;

/** Each has a role of its own in Postgres, made before they start. */
export async function createRoles({ servers }: PrivateWorld, size: number): Promise<void> {
  const owner = new URL(servers.direct.DATABASE_URL).username;
  const statements = Array.from(
    { length: size },
    (_, n) => `create role ${roleOf(n)} login password '${password}' in role ${owner}`,
  );
  await servers.asSuperuser(statements.join("; "));
}

const password = "a-password-of-the-test";

/** The server may be read-only by default at the time. */
function evenIfReadOnly(statement: string): string {
  return `begin read write; ${statement}; commit`;
}

function roleOf(n: number): string {
  return `subscriber_${n + 1}`;
}

/** A place for each subscriber, and the process that holds it now. */
export class Workers {
  readonly #members: Member[];
  /** Places that are empty on purpose for a while. */
  readonly #vacant = new Set<number>();
  /** When they went on after a pause; `Infinity` for those that stand still. */
  readonly #wentOnAt = new Map<Member, number>();
  /** Since when Postgres refuses them. */
  readonly #refused = new Map<number, number>();

  constructor(
    private readonly world: PrivateWorld,
    private readonly ledger: Ledger,
    readonly size: number,
    /** For each, where this process may limit memory. */
    private readonly limits: readonly (MemoryLimit | undefined)[],
  ) {
    this.#members = Array.from({ length: size }, (_, n) => this.#start(n));
  }

  nameOf(n: number): string {
    return `subscriber-${n + 1}`;
  }

  /** Ends the subscriber, and starts another in its place after `ms`. */
  async replace(n: number, how: "kill" | "stop", ms: number): Promise<void> {
    this.#vacant.add(n);
    await this.world[how](this.#members[n]!);
    await delay(ms);
    this.#members[n] = this.#start(n);
    this.#vacant.delete(n);
  }

  /** The process stands still for `ms`, as on a machine that swaps or a pod that is starved. */
  async pause(n: number, ms: number): Promise<void> {
    const member = this.#members[n]!;
    this.#wentOnAt.set(member, Infinity);
    this.world.members.signal(member, "SIGSTOP");
    await delay(ms);
    this.world.members.signal(member, "SIGCONT");
    this.#wentOnAt.set(member, clock.monotonic());
  }

  /** Whether the subscriber that serves there has stood still at any time since. */
  hasPaused(url: string, since: number): boolean {
    const member = this.#members.find((member) => urlOf(member) === url);
    return member !== undefined && (this.#wentOnAt.get(member) ?? 0) >= since;
  }

  /** Postgres lets this one no longer log in, and ends its connections. */
  async refuse(n: number): Promise<void> {
    await this.#alter(n, "nologin");
    this.#refused.set(n, clock.monotonic());
  }

  /** So many connections are this one's share from now on; -1: as many as it likes. */
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

  /** Those that Postgres has refused for long enough that all know. */
  get refused(): string[] {
    const since = clock.monotonic() - knownMs;
    return [...this.#refused].filter(([, at]) => at <= since).map(([n]) => this.nameOf(n));
  }

  get names(): string[] {
    return this.#members.map((_, n) => this.nameOf(n));
  }

  /** Starts again what has crashed. */
  async ensureAll(): Promise<void> {
    for (const [n, member] of this.#members.entries()) {
      if (this.#vacant.has(n)) continue;
      const ended = await Promise.race([member.ended, delay(0)]);
      if (ended) this.#members[n] = this.#start(n);
    }
  }

  /** Where those that are up serve HTTP. */
  get urls(): string[] {
    return this.#members.map(urlOf).filter((url) => URL.canParse(url));
  }

  async leave(): Promise<void> {
    await Promise.all(this.#members.map((member) => this.world.stop(member)));
  }

  /** Ends its connections, too. */
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
