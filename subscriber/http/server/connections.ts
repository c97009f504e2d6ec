/** The open connections of the HTTP server: how many there may be, and how long each may wait for a request. */
import type { Clock } from "../../../shared/runtime/clock.ts";

/** Most connections: of all, and of one address, so that one cannot take them all. A browser opens six. */
export const mostConnections = 256;
export const mostOfAddress = 64;

/** How long a connection may take for its first request, headers and all; and for the next one, in ms. */
const firstRequestMs = 10_000;
/** Longer than nginx keeps an idle connection to us: it must be the one that closes it. */
const nextRequestMs = 75_000;
const sweepEveryMs = 1_000;

export interface Connection {
  /** `undefined`: a trusted proxy's, on behalf of many. */
  readonly address: string | undefined;
  close(): void;
}

interface State {
  requests: number;
  answers: number;
  /** Monotonic ms; since then it has waited for a request. */
  waitingSince: number;
}

export class Connections {
  readonly #all = new Map<Connection, State>();
  /** Those without a request under way, the one that has waited longest first. */
  readonly #waiting = new Set<Connection>();

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.#all.size;
  }

  /**
   * Where there are too many already, the one that has waited longest for a request makes room: so health and metrics
   * are answered however many connections others keep open.
   * @returns whether there is room; if not, the connection is closed
   */
  add(connection: Connection): boolean {
    const { address } = connection;
    if (
      !this.#hasRoom(mostConnections, () => true) ||
      (address !== undefined && !this.#hasRoom(mostOfAddress, (other) => other.address === address))
    ) {
      connection.close();
      return false;
    }
    this.#all.set(connection, { requests: 0, answers: 0, waitingSince: this.clock.monotonic() });
    this.#waiting.add(connection);
    return true;
  }

  /** A request has arrived. */
  begin(connection: Connection): void {
    const state = this.#all.get(connection);
    if (state) state.requests++;
    this.#waiting.delete(connection);
  }

  /** Its answer is sent. */
  end(connection: Connection): void {
    const state = this.#all.get(connection);
    // A client may send its next request before it has its answer.
    if (!state || ++state.answers < state.requests) return;
    state.waitingSince = this.clock.monotonic();
    this.#waiting.add(connection);
  }

  remove(connection: Connection): void {
    this.#all.delete(connection);
    this.#waiting.delete(connection);
  }

  closeWaiting(): void {
    for (const connection of this.#waiting) this.#close(connection);
  }

  closeAll(): void {
    for (const connection of this.#all.keys()) this.#close(connection);
  }

  /** Closes, until the signal is aborted, what has waited for too long. */
  async sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.clock.sleep(sweepEveryMs, signal).catch(() => {});
      const now = this.clock.monotonic();
      for (const connection of this.#waiting) {
        const { requests, waitingSince } = this.#all.get(connection)!;
        if (now - waitingSince >= (requests === 0 ? firstRequestMs : nextRequestMs)) this.#close(connection);
      }
    }
  }

  /** @returns whether there are fewer than `most` of these, if need be after one was closed */
  #hasRoom(most: number, isOne: (connection: Connection) => boolean): boolean {
    let count = 0;
    for (const connection of this.#all.keys()) if (isOne(connection)) count++;
    if (count < most) return true;
    for (const connection of this.#waiting) {
      if (!isOne(connection)) continue;
      this.#close(connection);
      return true;
    }
    return false;
  }

  #close(connection: Connection): void {
    this.remove(connection);
    connection.close();
  }
}
