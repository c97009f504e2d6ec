import type { Log } from "./telemetry/log.ts";

/** The signals that tell a member to shut down. */
export interface Shutdown {
  /** Aborted by SIGTERM or SIGINT: accept no new work and drain. */
  readonly stop: AbortSignal;
  /** Aborted at the end of the grace period: abandon unfinished work. */
  readonly abandon: AbortSignal;
  /** Begins the same shutdown for another reason. */
  begin(why: string): void;
  /** Removes the signal listeners. */
  [Symbol.dispose](): void;
}

const signals = ["SIGTERM", "SIGINT"] as const;
/** How long closing connections may take after the grace period, in ms. */
const closeMs = 5_000;
const sameSignalMs = 500;
/** 128 + SIGINT, the status that shells report for a process ended by that signal. */
const statusOfSecondSignal = 130;

/** Listens for SIGTERM and SIGINT. A second signal exits the process at once. */
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
    // Ctrl-C arrives twice: from the terminal and from `deno task`.
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
