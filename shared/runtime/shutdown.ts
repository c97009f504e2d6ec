import type { Log } from "./telemetry/log.ts";

/** How a member is asked to leave. */
export interface Shutdown {
  /** Aborted by SIGTERM or SIGINT: take nothing new, finish what is in hand. */
  readonly stop: AbortSignal;
  /** Aborted when the grace period is over: leave what is unfinished. */
  readonly abandon: AbortSignal;
  /** Begins the same shutdown for a reason of the member's own. */
  begin(why: string): void;
  /** Removes the signal listeners. */
  [Symbol.dispose](): void;
}

const signals = ["SIGTERM", "SIGINT"] as const;
/** How long closing connections may take once nothing is waited for any more. */
const closeMs = 5_000;
const sameSignalMs = 500;
/** 128 + SIGINT, as shells report a process that a signal ended. */
const statusOfSecondSignal = 130;

/** Listens for SIGTERM and SIGINT. A second signal leaves at once. */
export function onShutdownSignal(graceMs: number, log: Log): Shutdown {
  const stop = new AbortController();
  const abandon = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function begin(why: string): void {
    log.info("Leaving: finishing what is in hand", { event: "member.leaving", why, graceMs });
    stop.abort(new Error(why));
    timer = setTimeout(() => {
      log.warn("The grace period is over: leaving what is unfinished", { event: "member.grace_over", graceMs });
      abandon.abort(new Error(`SHUTDOWN_GRACE_MS=${graceMs} is over`));
      timer = setTimeout(() => {
        log.error("Closing took too long: leaving at once", { closeMs });
        Deno.exit(1);
      }, closeMs);
    }, graceMs);
  }

  let firstSignalAt = -Infinity;
  function onSignal(): void {
    const now = performance.now();
    if (!stop.signal.aborted) {
      firstSignalAt = now;
      return begin("signal");
    }
    // Ctrl-C reaches us twice: from the terminal, and passed on by `deno task`.
    if (now - firstSignalAt < sameSignalMs) return;
    log.warn("Second signal: leaving at once");
    Deno.exit(statusOfSecondSignal);
  }

  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return {
    stop: stop.signal,
    abandon: abandon.signal,
    begin: (why) => {
      if (!stop.signal.aborted) begin(why);
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    },
  };
}
