/** What the demo says: lines, and on a terminal one more below them that is redrawn while events flow. */
import type { Clock } from "../../../shared/runtime/clock.ts";

export interface Counts {
  readonly published: number;
  readonly stored: number;
  readonly dead: number;
}

export interface Terminal {
  readonly isTerminal: boolean;
  /** Characters in a line; a longer one would wrap, and could not be redrawn. */
  readonly columns: () => number;
  readonly colours: boolean;
  readonly write: (text: string) => void;
}

const [redrawMs, lineMs] = [200, 2_000];
/** Over so long the events a second are counted. */
const rateOverMs = 1_000;
const [bold, yellow, plain] = ["\x1b[1m", "\x1b[33m", "\x1b[0m"];
const clearLine = "\r\x1b[K";

export class Screen {
  #redrawn = false;

  constructor(private readonly terminal: Terminal, private readonly clock: Clock) {}

  say(sentence: string): void {
    this.#clear();
    this.terminal.write(`${sentence}\n`);
  }

  /** The text, standing out where that can be. */
  bold(text: string): string {
    return this.terminal.colours ? `${bold}${text}${plain}` : text;
  }

  /** Shows how it goes until the signal is aborted: on a terminal in place, else a line every 2 s. */
  async follow(counts: () => Counts, signal: AbortSignal): Promise<void> {
    const { isTerminal, write } = this.terminal;
    const seen: { at: number; stored: number }[] = [];
    while (!signal.aborted) {
      const now = this.clock.monotonic();
      const current = counts();
      seen.push({ at: now, stored: current.stored });
      while (seen.length > 2 && now - seen[0]!.at > rateOverMs) seen.shift();
      const rate = Math.round((current.stored - seen[0]!.stored) * 1000 / Math.max(1, now - seen[0]!.at));
      if (isTerminal) {
        write(`${clearLine}${this.#line(current, rate)}`);
        this.#redrawn = true;
      } else if (seen.length > 1) this.say(this.#line(current, rate));
      await this.clock.sleep(isTerminal ? redrawMs : lineMs, signal).catch(() => {});
    }
    this.#clear();
  }

  #clear(): void {
    if (this.#redrawn) this.terminal.write(clearLine);
    this.#redrawn = false;
  }

  #line({ published, stored, dead }: Counts, rate: number): string {
    const { columns, colours } = this.terminal;
    const text = `  published ${published}  stored ${stored}  dead ${dead}  ${rate} events/s`.slice(0, columns() - 1);
    return colours && dead > 0 ? text.replace(`dead ${dead}`, (part) => `${yellow}${part}${plain}`) : text;
  }
}

/** Standard output; colours only on a terminal, and not where NO_COLOR is set (no-color.org). */
export function standardOutput(): Terminal {
  const isTerminal = Deno.stdout.isTerminal();
  const encoder = new TextEncoder();
  return {
    isTerminal,
    columns: () => isTerminal ? Deno.consoleSize().columns : Infinity,
    colours: isTerminal && !Deno.noColor,
    write(text) {
      const bytes = encoder.encode(text);
      try {
        for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
      } catch {
        // Nobody reads it any more, as after `| head`: no reason to stop.
      }
    },
  };
}
