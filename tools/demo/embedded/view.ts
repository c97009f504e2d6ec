/** What the demo's terminal shows while events flow: as lines of text, without control characters. */

export interface View {
  readonly published: number;
  readonly stored: number;
  readonly dead: number;
  /** Published, and neither stored nor dead-lettered yet. */
  readonly waiting: number;
  /** How long ago the oldest event in hand was published, in ms; 0 when there is none. */
  readonly lagMs: number;
  readonly subscribers: readonly { readonly id: string; readonly stored: number }[];
  /** `undefined` before the first are fetched. */
  readonly rates: RatesView | undefined;
  readonly deadReasons: ReadonlyMap<string, number>;
  /** Of the event that was stored last. */
  readonly newest: string | undefined;
}

export interface RatesView {
  /** Milliseconds since 1970. */
  readonly asOfMs: number;
  /** The subscribers that have called the rates API. */
  readonly fetchedBy: readonly string[];
  readonly calls: number;
}

/** For where nothing can be redrawn. @param perSecond events stored a second */
export function lineOf({ published, stored, dead }: View, perSecond: number): string {
  return `  published ${published}  stored ${stored}  dead ${dead}  ${perSecond} events/s`;
}

/** For a terminal, always as many lines. @param perSecond events stored a second */
export function linesOf(view: View, perSecond: number): string[] {
  const { published, stored, waiting, lagMs, subscribers, rates, dead, deadReasons, newest } = view;
  const shares = subscribers.map(({ id, stored }) => `${id} ${stored}`).join("  ");
  const reasons = Array.from(deadReasons, ([reason, count]) => `${reason} ${count}`).join("  ");
  return [
    row("events", `published ${published}  stored ${stored}  waiting ${waiting}`),
    row("throughput", `${perSecond} events/s  lag ${(lagMs / 1000).toFixed(1)} s`),
    row("subscribers", shares),
    row("rates", rates ? ratesText(rates) : "not fetched yet"),
    row("dead letters", reasons ? `${dead}  ${reasons}` : `${dead}`),
    row("newest", newest ?? "nothing is stored yet"),
  ];
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(13)} ${text}`;
}

function ratesText({ asOfMs, fetchedBy, calls }: RatesView): string {
  const asOf = new Date(asOfMs).toISOString().slice(11, 19);
  return `as of ${asOf} UTC, fetched by ${fetchedBy.join(" and ")}, ${calls} ${
    calls === 1 ? "call" : "calls"
  } for both`;
}
