/** Colours for what humans read on a terminal. */

/** Of what is well, of what deserves a look, of what is wrong, and of what only helps to read the rest. */
export type Tone = "good" | "attention" | "bad" | "faint" | "plain";

export type Paint = (text: string, tone: Tone) => string;

/** Select Graphic Rendition: ECMA-48, 8.3.117. */
const codes: Readonly<Record<Exclude<Tone, "plain">, number>> = { good: 32, attention: 33, bad: 31, faint: 2 };

export function paintIf(coloured: boolean): Paint {
  return (text, tone) => coloured && tone !== "plain" ? `\x1b[${codes[tone]}m${text}\x1b[0m` : text;
}

/** Only on a terminal, and not for who has set NO_COLOR (no-color.org). */
export function paintFor(stream: { isTerminal(): boolean }): Paint {
  return paintIf(stream.isTerminal() && !Deno.noColor);
}
