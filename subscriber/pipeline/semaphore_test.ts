import { deepStrictEqual } from "node:assert/strict";
import { Semaphore } from "./semaphore.ts";

Deno.test("Semaphore gives as many permits as it has, and each that is released to who waits longest", async () => {
  const semaphore = new Semaphore(2);
  const acquired: number[] = [];
  for (const n of [1, 2, 3, 4]) semaphore.acquire().then(() => acquired.push(n));
  await Promise.resolve();
  deepStrictEqual(acquired, [1, 2]);
  semaphore.release();
  await Promise.resolve();
  deepStrictEqual(acquired, [1, 2, 3]);
  semaphore.release();
  semaphore.release();
  await Promise.resolve();
  deepStrictEqual(acquired, [1, 2, 3, 4]);
  semaphore.acquire().then(() => acquired.push(5));
  await Promise.resolve();
  deepStrictEqual(acquired, [1, 2, 3, 4, 5], "what nobody waited for is kept");
});
