import { strictEqual } from "node:assert/strict";
import { isPermanentBrokerError, messageOf } from "./errors.ts";

Deno.test("isPermanentBrokerError() tells what no retry cures from what passes", () => {
  // As RabbitMQ 3.10 and 4.0 say it through amqplib.
  const words = {
    'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused"': true,
    'Handshake terminated by server: 530 (NOT-ALLOWED) with message "NOT_ALLOWED - vhost none not found"': true,
    "Handshake terminated by server: 530 (NOT-ALLOWED) with message \"NOT_ALLOWED - access to vhost '/' refused for user 'casino': connection limit (10) is reached\"":
      false,
    "Handshake terminated by server: 530 (NOT-ALLOWED) with message \"NOT_ALLOWED - connection refused for user 'casino': user connection limit (2) is reached\"":
      false,
    "Connection closed: 530 (NOT-ALLOWED) with message \"NOT_ALLOWED - number of channels opened for user 'casino' has reached the maximum allowed user limit of (6)\"":
      false,
    "connect ECONNREFUSED 127.0.0.1:5672": false,
  };
  for (const [message, permanent] of Object.entries(words)) {
    strictEqual(isPermanentBrokerError(new Error(message)), permanent, message);
  }
});

Deno.test("messageOf() gives the beginning of a message that repeats a long value", () => {
  strictEqual(messageOf(new Error("x".repeat(10 * 1_048_576))).length, 4_097);
});
