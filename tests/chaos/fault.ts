/** A fault of a campaign, and its reversal. */
import { delay } from "../../tools/services/server.ts";

export interface Fault {
  readonly name: string;
  /** Two faults with the same claim never overlap. */
  readonly claim: string;
  /** Causes the fault, waits `ms`, and reverts it. */
  run(ms: number): Promise<void>;
}

export type Draw = () => Fault;

/**
 * The claim of faults that stop a server: restarting one server checks the others, so only one may be down at a time.
 */
export const servers = "servers";

export function atOnce(name: string, claim: string, act: (ms: number) => unknown): Fault {
  return { name, claim, run: async (ms) => void await act(ms) };
}

/** Creates a fault that is reverted even when `begin` fails halfway. */
export function lasting(name: string, claim: string, begin: () => unknown, end: () => unknown): Fault {
  return atOnce(name, claim, async (ms) => {
    try {
      await begin();
      await delay(ms);
    } finally {
      await end();
    }
  });
}

/** Longer than any backoff of the members, and longer than a wrong answer takes to show. */
const leastStayMs = 20_000;

/** Creates a fault as {@linkcode lasting} does, which lasts as long as an operator needs to notice it. */
export function staying(name: string, claim: string, begin: () => unknown, end: () => unknown): Fault {
  const { run } = lasting(name, claim, begin, end);
  return { name, claim, run: (ms) => run(leastStayMs + ms) };
}
