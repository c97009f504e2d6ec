/** The open connections of the HTTP server: limits their number, and how long each may wait for a request. */
import { type Clock, sleepToTick } from "../../../shared/runtime/clock.ts";
import { abortable } from "../../../shared/runtime/deadline.ts";

/** Maximum number of connections: in all, and for one address. A browser opens six. */
export const mostConnections = 256;
export const mostOfAddress = 64;

/** Time limit for a connection's first request, headers included, in ms. */
const firstRequestMs = 10_000;
/** Time limit for the next request, in ms. Longer than nginx keeps an idle connection: nginx must close it, not we. */
const nextRequestMs = 75_000;
const sweepEveryMs = 1_000;

export interface Connection {
  /** `undefined` for a trusted proxy, which connects for many callers. */
  readonly address: string | undefined;
  close(): void;
}

interface State {
  requests: number;
  answers: number;
  /** Start of the wait for a request, in monotonic ms. */
  waitingSince: number;
}

export class Connections {
  readonly #all = new Map<Connection, State>();
  /** Connections without a request under way, longest wait first. */
  readonly #waiting = new Set<Connection>();
  #wakeSweep: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  get size(): number {
    return this.#all.size;
  }

  /**
   * Adds a connection. At the limit, closes the connection that has waited longest for a request: health and metrics
   * must be answered however many connections others keep open.
   * @returns whether there was room; otherwise the new connection is closed
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
    this.#wait(connection);
    return true;
  }

  /** Called when a request has arrived. */
  begin(connection: Connection): void {
    const state = this.#all.get(connection);
    if (state) state.requests++;
    this.#waiting.delete(connection);
  }

  /** Called when an answer is sent. */
  end(connection: Connection): void {
    const state = this.#all.get(connection);
    // A client may send its next request before it has its answer.
    if (!state || ++state.answers < state.requests) return;
    state.waitingSince = this.clock.monotonic();
    this.#wait(connection);
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

  /** Closes connections that have waited too long, until the signal is aborted. */
  async sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#waiting.size === 0) await this.#untilWaiting(signal);
      await sleepToTick(this.clock, sweepEveryMs, signal).catch(() => {});
      const now = this.clock.monotonic();
      for (const connection of this.#waiting) {
        const { requests, waitingSince } = this.#all.get(connection)!;
        if (now - waitingSince >= (requests === 0 ? firstRequestMs : nextRequestMs)) this.#close(connection);
      }
    }
  }

  #wait(connection: Connection): void {
    this.#waiting.add(connection);
    this.#wakeSweep?.();
  }

  async #untilWaiting(signal: AbortSignal): Promise<void> {
    const waiting = new Promise<void>((resolve) => this.#wakeSweep = resolve);
    await abortable(waiting, signal).catch(() => {});
    this.#wakeSweep = undefined;
  }

  /** Whether there are fewer than `most` matching connections. Closes a waiting one if necessary. */
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
