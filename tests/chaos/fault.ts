/** What a campaign breaks, and how it is undone. */
import { delay } from "../../tools/services/server.ts";

export interface Fault {
  readonly name: string;
  /** Two faults of the same claim never overlap. */
  readonly claim: string;
  /** Does the damage, waits `ms`, and undoes it. */
  run(ms: number): Promise<void>;
}

export type Draw = () => Fault;

/** Servers are broken one at a time: bringing one back looks at the others. */
export const servers = "servers";

export function atOnce(name: string, claim: string, act: (ms: number) => unknown): Fault {
  return { name, claim, run: async (ms) => void await act(ms) };
}

/** Undone also when only a part of the damage could be done. */
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

/** Longer than any backoff of the members, and than the truth needs until a lie shows. */
const leastStayMs = 20_000;

/** As {@linkcode lasting}, for as long as an operator needs to notice. */
export function staying(name: string, claim: string, begin: () => unknown, end: () => unknown): Fault {
  const { run } = lasting(name, claim, begin, end);
  return { name, claim, run: (ms) => run(leastStayMs + ms) };
}
