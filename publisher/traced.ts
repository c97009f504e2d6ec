/** Starts the traces: one span per message, from send to confirm, propagated in the message's headers. */
import { serverOf, traceparentHeader, type Tracing } from "../shared/runtime/telemetry/tracing.ts";
import type { ConfirmedSender } from "./publish.ts";

/** @param brokerUrl where the messages go */
export function traced(sender: ConfirmedSender, tracing: Tracing, brokerUrl: string): ConfirmedSender {
  const common = {
    "messaging.system": "rabbitmq",
    "messaging.operation.type": "send",
    "messaging.operation.name": "publish",
    ...serverOf(brokerUrl),
  };
  return {
    room: () => sender.room(),
    flush: () => sender.flush(),
    send(message, settled) {
      const span = tracing.begin({
        name: `publish ${message.exchange}`,
        kind: "producer",
        attributes: {
          ...common,
          "messaging.destination.name": message.exchange,
          "messaging.message.id": message.messageId,
          "messaging.message.body.size": message.body.length,
        },
      });
      const headers = { ...message.headers, [traceparentHeader]: tracing.inject(span.parent) };
      sender.send({ ...message, headers }, (error) => {
        span.end(error);
        settled(error);
      });
    },
  };
}
