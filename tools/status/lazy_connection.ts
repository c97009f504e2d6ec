import type { Clock } from "../../shared/runtime/clock.ts";
import { explainConnection, messageOf } from "../../shared/runtime/errors.ts";
import { deadline } from "../../shared/runtime/deadline.ts";

export interface KeptOptions<C> {
  /** As a sentence names it: `RabbitMQ`. */
  readonly server: string;
  readonly url: string;
  open(): Promise<C>;
  close(connection: C): Promise<unknown>;
  readonly clock: Clock;
}

const timeoutMs = 5_000;

/** A connection for one question after the other: opened when it is needed, kept, and given up when it has failed. */
export class Kept<C> {
  #opened: Promise<C> | undefined;

  constructor(private readonly options: KeptOptions<C>) {}

  /** @throws {Error} with a sentence that names the server when it does not answer within 5 s */
  async ask<T>(question: (connection: C) => Promise<T>): Promise<T> {
    const { server, url, clock } = this.options;
    const opened = this.#opened ??= this.options.open();
    try {
      return await deadline(opened.then(question), {
        ...{ ms: timeoutMs, clock },
        exceeded: () => new Error(`${server} at ${new URL(url).host} does not answer within ${timeoutMs} ms.`),
      });
    } catch (error) {
      // Not waited for: what does not answer does not say goodbye either.
      this.close().catch(() => {});
      const sentence = messageOf(explainConnection(error, server, url));
      throw new Error(sentence.startsWith(server) ? sentence : `${server} at ${new URL(url).host} says: ${sentence}`);
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened) await this.options.close(await opened);
  }
}
