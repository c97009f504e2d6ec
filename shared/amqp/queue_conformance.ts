/**
 * One suite for everything that is an {@linkcode EventQueue} with its broker: RabbitMQ, and the one in memory. After
 * watermill's tests of what carries its messages (pubsub/tests in ThreeDotsLabs/watermill).
 */
import { testCrowds } from "./queue_conformance/crowds.ts";
import { testDeadLettering } from "./queue_conformance/dead_lettering.ts";
import { testDelaying } from "./queue_conformance/delaying.ts";
import { testDelivery } from "./queue_conformance/delivery.ts";
import { testReopening } from "./queue_conformance/reopening.ts";
import { testSettling } from "./queue_conformance/settling.ts";
import { testTaking } from "./queue_conformance/taking.ts";
import type { Subject } from "./queue_conformance/subject.ts";

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
