/** Publishes events and reports unconfirmed ones. Shows progress as a bar on a terminal, otherwise as lines. */
import type { OutgoingMessage } from "../shared/rabbitmq/message.ts";
import type { EventRouting } from "../shared/rabbitmq/shards.ts";
import type { PublishError } from "../shared/rabbitmq/publish/publisher.ts";
import type { Clock } from "../shared/runtime/clock.ts";
import { plural } from "../shared/runtime/printable.ts";
import { encodeEvent } from "../shared/event/protobuf.ts";
import type { Generated } from "./generator.ts";

/** The part of `ConfirmPublisher` that this module uses. */
export interface ConfirmedSender {
  room(): Promise<void> | undefined;
  send(message: OutgoingMessage, settled: (error?: PublishError) => void): void;
  flush(): Promise<void>;
}

export interface PublishOptions {
  readonly source: AsyncIterable<Generated> | Iterable<Generated>;
  readonly sender: ConfirmedSender;
  readonly exchange: string;
  /** By default, the player's id. */
  readonly routingKeyOf?: EventRouting["routingKeyOf"];
  /** Maximum number of events; `undefined`: no limit. */
  readonly count: number | undefined;
  /** Events per second; `undefined`: no limit. */
  readonly rate: number | undefined;
  readonly clock: Clock;
  readonly tally: Tally;
  readonly onFailure: (error: PublishError) => void;
  /** Ends publishing; outstanding confirms are still awaited. */
  readonly stop: AbortSignal;
}

/** Running counts. */
export class Tally {
  published = 0;
  confirmed = 0;
  /** Not accepted because no queue is bound. */
  returned = 0;
  /** Not accepted for another reason. */
  failed = 0;
}

/** Publishes until the source ends, the count is reached or `stop` is aborted. Resolves after every confirm. */
export async function publishEvents(options: PublishOptions): Promise<void> {
  const { source, sender, exchange, routingKeyOf = String, count, rate, clock, tally, onFailure, stop } = options;
  const pace = new Pace(rate, clock);
  const settled = (error?: PublishError) => {
    if (!error) tally.confirmed++;
    else if (error.reason === "returned") tally.returned++;
    else tally.failed++;
    if (error) onFailure(error);
  };
  if (count !== 0) {
    await untilDue();
    for await (const { messageId, event } of source) {
      if (stop.aborted) break;
      tally.published++;
      const routingKey = routingKeyOf(event.playerId);
      const body = encodeEvent(event);
      sender.send({ exchange, routingKey, messageId, body, timestampMs: clock.now(), appId: "publisher" }, settled);
      if (tally.published === count) break;
      const waiting = untilDue();
      if (waiting) await waiting;
    }
  }
  await sender.flush();

  /**
   * Awaited before the next event is made, so that the event's time is the time of its publication. Returns `undefined`
   * when there is nothing to wait for: a promise per message costs more than the message.
   */
  function untilDue(): Promise<void> | undefined {
    const due = pace.due(stop);
    const room = sender.room();
    return due && room ? due.then(() => room) : due ?? room;
  }
}

/** Keeps a rate over the whole run. After a pause, catches up by at most one second's events. */
export class Pace {
  #begun: number;
  #sent = 0;

  /** @param perSecond `undefined`: no limit */
  constructor(private readonly perSecond: number | undefined, private readonly clock: Clock) {
    this.#begun = clock.monotonic();
  }

  /** Resolves when the next event is due. Returns `undefined` when it is due now. */
  due(signal: AbortSignal): Promise<void> | undefined {
    if (this.perSecond === undefined) return undefined;
    const now = this.clock.monotonic();
    const dueAt = this.#begun + (this.#sent++ / this.perSecond) * 1000;
    if (dueAt > now) return this.clock.sleep(dueAt - now, signal).catch(() => {});
    if (now - dueAt > 1000) this.#begun += now - dueAt - 1000;
    return undefined;
  }
}

interface ProgressOptions {
  readonly tally: Tally;
  /** Number of events to come; `undefined`: unknown. */
  readonly total: number | undefined;
  readonly isTerminal: boolean;
  /** Why publishing is stuck, for example because the broker blocks publishers. */
  readonly obstacle: () => string | undefined;
  readonly write: (text: string) => void;
  readonly clock: Clock;
}

const [redrawMs, lineMs] = [100, 5_000];
const barWidth = 30;

/** Shows progress until the signal is aborted. */
export async function showProgress(options: ProgressOptions, signal: AbortSignal): Promise<void> {
  const { isTerminal, write, clock } = options;
  const begun = clock.monotonic();
  while (true) {
    await clock.sleep(isTerminal ? redrawMs : lineMs, signal).catch(() => {});
    if (signal.aborted) break;
    const seconds = (clock.monotonic() - begun) / 1000;
    write(isTerminal ? `\r\x1b[K${bar(options, seconds)}` : `${line(options, seconds)}\n`);
  }
  if (isTerminal) write("\r\x1b[K");
}

/** @param seconds duration of the run */
export function summary({ published, confirmed, returned, failed }: Tally, seconds: number, badLines: number): string {
  const rate = seconds > 0 ? Math.round(confirmed / seconds) : 0;
  const skipped = badLines > 0 ? `, ${plural(badLines, "bad line")} skipped` : "";
  return `published ${published}, confirmed ${confirmed}, returned ${returned}, failed ${failed}${skipped}; ` +
    `${rate} events/s over ${seconds.toFixed(1)} s`;
}

function bar(options: ProgressOptions, seconds: number): string {
  const { tally, total } = options;
  if (total === undefined) return line(options, seconds);
  const share = total === 0 ? 1 : Math.min(1, tally.confirmed / total);
  const filled = Math.round(share * barWidth);
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${Math.floor(share * 100)} %  ${
    line(options, seconds)
  }`;
}

function line({ tally, total, obstacle }: ProgressOptions, seconds: number): string {
  const of = total === undefined ? "" : ` of ${total}`;
  const problem = obstacle();
  return `${tally.confirmed}${of} confirmed, ${
    tally.published - tally.confirmed - tally.returned - tally.failed
  } in flight, ` +
    `${Math.round(tally.confirmed / Math.max(seconds, 0.001))} events/s${problem ? `; waiting: ${problem}` : ""}`;
}
