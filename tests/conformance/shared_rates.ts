/** One suite for everything that is a {@linkcode SharedRates}: Redis, and the one in memory. */
import { testLock } from "./shared_rates/lock.ts";
import type { Subject } from "./shared_rates/subject.ts";
import { testTimes } from "./shared_rates/times.ts";
import { testWrite } from "./shared_rates/write.ts";

/** Registers the suite's tests, under the subject's name. */
export function testSharedRates(subject: Subject): void {
  testLock(subject);
  testWrite(subject);
  testTimes(subject);
}
