/** The messages that a channel's client has read and not settled. */
import { mostBytesInHand } from "../../shared/rabbitmq/consume/inflow.ts";
import type { Message } from "./broker.ts";

export class InHand {
  #bytes = 0;
  readonly #byTag = new Map<number, Message>();

  /** @param many called on each new message while the messages exceed the bound of a member */
  constructor(private readonly many: (messages: Iterable<Message>) => void) {}

  add(tag: number, message: Message): void {
    this.#byTag.set(tag, message);
    this.#bytes += message.body.length;
    if (this.#bytes > mostBytesInHand) this.many(this.#byTag.values());
  }

  remove(tag: number, multiple: boolean): void {
    for (const each of multiple ? [...this.#byTag.keys()].filter((each) => each <= tag) : [tag]) {
      this.#bytes -= this.#byTag.get(each)?.body.length ?? 0;
      this.#byTag.delete(each);
    }
  }
}
