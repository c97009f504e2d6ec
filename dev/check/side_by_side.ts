/**
 * Runs jobs in their order, several at a time. One that is `alone` begins when those before it have ended, and nothing else
 * begins until it has.
 * @param workers how many run at a time, at least one
 * @param run does not reject
 */
export async function runSideBySide<J extends { readonly alone?: boolean }>(
  jobs: readonly J[],
  workers: number,
  run: (job: J) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for (const job of jobs) {
    const limit = job.alone ? 1 : workers;
    while (running.size >= limit) await Promise.race(running);
    const ended = run(job).finally(() => running.delete(ended));
    running.add(ended);
    if (job.alone) await ended;
  }
  await Promise.all(running);
}
