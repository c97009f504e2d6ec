/** The rates API that a crowd of workers shares, and who called it when. */
import type { Random } from "../../../shared/runtime/random.ts";
import type { VirtualClock } from "../../fixtures/virtual_clock.ts";
import { type RatesApi, RatesUnavailable } from "../../../subscriber/rates/client.ts";
import { ratesOf } from "../../fixtures/deliveries.ts";

export interface Call {
  readonly worker: number;
  /** Virtual ms. */
  readonly atMs: number;
  /** Made without Redis. */
  readonly alone: boolean;
}

export class RatesServer {
  down = false;
  readonly calls: Call[] = [];

  /** @param answerMs how long an answer takes */
  constructor(
    private readonly clock: VirtualClock,
    private readonly random: Random,
    public answerMs: (random: Random) => number,
    private readonly callTimeoutMs: number,
  ) {}

  /** As one worker sees it. */
  asSeen(worker: number, isAlone: () => boolean): RatesApi {
    return {
      fetch: async (signal) => {
        const { clock } = this;
        this.calls.push({ worker, atMs: clock.monotonic(), alone: isAlone() });
        const takesMs = this.down ? refusalMs : this.answerMs(this.random);
        await clock.sleep(Math.min(takesMs, this.callTimeoutMs), signal).catch(() => {
          throw new RatesUnavailable("abandoned", "simulated");
        });
        if (takesMs > this.callTimeoutMs) throw new RatesUnavailable("deadline", "simulated");
        if (this.down) throw new RatesUnavailable("unavailable", "simulated");
        return ratesOf({ USD: "1.0705" }, startMs + Math.floor(clock.monotonic()));
      },
    };
  }
}

/** How soon a server that is down refuses a connection. */
const refusalMs = 2;
const startMs = Date.UTC(2024, 5, 28);
