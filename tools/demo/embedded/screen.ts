/** The demo's output: lines, and on a terminal a status below them, redrawn while events flow. */
import { styleText } from "node:util";
import type { Clock } from "../../../shared/runtime/clock.ts";

export interface View {
  readonly published: number;
  readonly stored: number;
  readonly dead: number;
  /** Published, but not yet stored or dead-lettered. */
  readonly waiting: number;
  /** Age of the oldest event in hand, in ms since its publication; 0 when there is none. */
  readonly lagMs: number;
  readonly subscribers: readonly { readonly id: string; readonly stored: number }[];
  /** `undefined` before the first fetch. */
  readonly rates: RatesView | undefined;
  readonly deadReasons: ReadonlyMap<string, number>;
  /** Description of the last stored event. */
  readonly newest: string | undefined;
}

export interface RatesView {
  /** Milliseconds since 1970. */
  readonly asOfMs: number;
  /** The subscribers that called the rates API. */
  readonly fetchedBy: readonly string[];
  readonly calls: number;
}

export interface Terminal {
  readonly isTerminal: boolean;
  /** Characters per line; a longer line would wrap, which breaks the redraw. */
  readonly columns: () => number;
  /** Lines; text that scrolled out of sight cannot be redrawn. */
  readonly rows: () => number;
  readonly colours: boolean;
  readonly write: (text: string) => void;
}

const [redrawMs, lineMs] = [200, 2_000];
/** The interval over which events per second are counted. */
const rateOverMs = 1_000;
const clearToEndOfLine = "\x1b[K";
const clearBelow = "\x1b[J";

export class Screen {
  /** Lengths of the lines above the cursor that the next redraw replaces. */
  #drawn: readonly number[] = [];

  constructor(private readonly terminal: Terminal, private readonly clock: Clock) {}

  say(sentence: string): void {
    this.#clear();
    this.terminal.write(`${sentence}\n`);
  }

  /** Returns the text in bold, where colours are possible. */
  bold(text: string): string {
    return this.#styled("bold", text);
  }

  /** Shows the status until the signal is aborted: redrawn on a terminal, otherwise as a line every 2 s. */
  async follow(view: () => View, signal: AbortSignal): Promise<void> {
    const { isTerminal } = this.terminal;
    const seen: { at: number; stored: number }[] = [];
    while (!signal.aborted) {
      const now = this.clock.monotonic();
      const current = view();
      seen.push({ at: now, stored: current.stored });
      while (seen.length > 2 && now - seen[0]!.at > rateOverMs) seen.shift();
      const rate = Math.round((current.stored - seen[0]!.stored) * 1000 / Math.max(1, now - seen[0]!.at));
      if (isTerminal) this.#draw(linesOf(current, rate), current.dead > 0);
      else if (seen.length > 1) this.say(lineOf(current, rate));
      await this.clock.sleep(isTerminal ? redrawMs : lineMs, signal).catch(() => {});
    }
    this.#clear();
  }

  #draw(lines: readonly string[], warns: boolean): void {
    const { columns, rows, write } = this.terminal;
    const texts = lines.slice(0, Math.max(1, rows() - 1)).map((line) => line.slice(0, Math.max(1, columns() - 1)));
    const shown = texts.map((text) => warns && text.startsWith("  dead letters") ? this.#styled("yellow", text) : text);
    // After a resize, more rows may be drawn than there are lines now.
    const fewer = this.#rowsDrawn() > shown.length ? clearBelow : "";
    write(this.#toTop() + fewer + shown.map((line) => `${line}${clearToEndOfLine}\n`).join(""));
    this.#drawn = texts.map(({ length }) => length);
  }

  #styled(style: "bold" | "yellow", text: string): string {
    // The terminal decides about colours. If styleText() inspected a stream, it would read environment variables.
    return this.terminal.colours ? styleText(style, text, { validateStream: false }) : text;
  }

  #clear(): void {
    if (this.#drawn.length > 0) this.terminal.write(this.#toTop() + clearBelow);
    this.#drawn = [];
  }

  #toTop(): string {
    return this.#drawn.length > 0 ? `\r\x1b[${this.#rowsDrawn()}A` : "\r";
  }

  /** Returns the number of drawn rows. A terminal that became narrower has wrapped the drawn lines. */
  #rowsDrawn(): number {
    const columns = Math.max(1, this.terminal.columns());
    return this.#drawn.reduce((rows, length) => rows + Math.max(1, Math.ceil(length / columns)), 0);
  }
}

/** Returns the status as one line, for output that is not a terminal. @param perSecond events stored per second */
export function lineOf({ published, stored, dead }: View, perSecond: number): string {
  return `  published ${published}  stored ${stored}  dead ${dead}  ${perSecond} events/s`;
}

/**
 * Returns the status for a terminal, always with the same number of lines.
 * @param perSecond events stored per second
 */
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

/** Standard output, with colours only on a terminal and without NO_COLOR (no-color.org). */
export function standardOutput(): Terminal {
  const isTerminal = Deno.stdout.isTerminal();
  const encoder = new TextEncoder();
  return {
    isTerminal,
    columns: () => isTerminal ? Deno.consoleSize().columns : Infinity,
    rows: () => isTerminal ? Deno.consoleSize().rows : Infinity,
    colours: isTerminal && !Deno.noColor,
    write(text) {
      const bytes = encoder.encode(text);
      try {
        for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
      } catch {
        // The reader has closed the pipe, as `| head` does: continue.
      }
    },
  };
}
