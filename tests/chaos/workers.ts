/** The subscribers of a campaign. */
import type { Member } from "../../tools/demo/members.ts";
import { delay } from "../../tools/services/server.ts";
import type { Ledger } from "../harness/ledger.ts";
import { urlOf } from "../harness/http.ts";
import type { PrivateWorld } from "../harness/private_world.ts";

/** A place for each subscriber, and the process that holds it now. */
export class Workers {
  readonly #members: Member[];
  /** Places that are empty on purpose for a while. */
  readonly #vacant = new Set<number>();

  constructor(
    private readonly world: PrivateWorld,
    private readonly ledger: Ledger,
    readonly size: number,
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
    this.world.members.signal(member, "SIGSTOP");
    await delay(ms);
    this.world.members.signal(member, "SIGCONT");
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

  #start(n: number): Member {
    const onLine = (line: string) => this.ledger.report(line);
    return this.world.startSubscriber(this.nameOf(n), {}, { onLine, http: "127.0.0.1:0" });
  }
}
