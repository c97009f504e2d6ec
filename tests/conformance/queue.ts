/**
 * One suite for everything that is an {@linkcode EventQueue} with its broker: RabbitMQ, and the one in memory. After
 * watermill's tests of its message transports (pubsub/tests in ThreeDotsLabs/watermill).
 */
import { testCrowds, testReopening } from "./queue/crowds.ts";
import { testDeadLettering, testDelaying } from "./queue/dead_lettering.ts";
import { testDelivery, testTaking } from "./queue/delivery.ts";
import { testSettling } from "./queue/settling.ts";
import type { Register, Subject } from "./queue/subject.ts";

/** Registers the suite's tests, under the subject's name. */
export function testQueue({ name, withQueue }: Subject): void {
  const test: Register = (what, use, options) => Deno.test(`${name}: ${what}`, () => withQueue(use, options));
  testDelivery(test);
  testTaking(test);
  testSettling(test);
  testDeadLettering(test);
  testDelaying(test);
  testReopening(test);
  testCrowds(test);
}
