/**
 * One suite for everything that is an {@linkcode EventQueue} with its broker: RabbitMQ, and the one in memory. After
 * watermill's tests of what carries its messages (pubsub/tests in ThreeDotsLabs/watermill).
 */
import { testCrowds } from "./queue/crowds.ts";
import { testDeadLettering } from "./queue/dead_lettering.ts";
import { testDelaying } from "./queue/delaying.ts";
import { testDelivery } from "./queue/delivery.ts";
import { testReopening } from "./queue/reopening.ts";
import { testSettling } from "./queue/settling.ts";
import { testTaking } from "./queue/taking.ts";
import type { Subject } from "./queue/subject.ts";

/** Registers the suite's tests, under the subject's name. */
export function testQueue(subject: Subject): void {
  testDelivery(subject);
  testTaking(subject);
  testSettling(subject);
  testDeadLettering(subject);
  testDelaying(subject);
  testReopening(subject);
  testCrowds(subject);
}
