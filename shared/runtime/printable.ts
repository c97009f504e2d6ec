/**
 * Makes external text (events, players, Redis, error messages of servers) safe for a terminal or a log: one line, of
 * bounded length, without control characters.
 */

/**
 * Characters that could mislead a terminal or its reader: C0 and C1 controls, DEL, text direction controls (Unicode's
 * Bidi_Control), and the line breaks U+2028 and U+2029.
 */
// deno-lint-ignore no-control-regex -- control characters are what it is about
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same without C0: JSON strings never contain these unescaped, and JSON text uses them for layout. */
const unprintableInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Default length limit of shown text, in UTF-16 code units. */
export const mostShown = 2_048;

/** Returns the text on one line: cut to `most` code units, with unprintable characters escaped as `\uXXXX`. */
export function printable(text: string, most = mostShown): string {
  return cutTo(text, most).replace(unprintable, escaped);
}

/** Escapes unprintable characters in JSON text. The result parses to exactly the same value. */
export function printableJson(json: string): string {
  return json.replace(unprintableInJson, escaped);
}

/** Returns the text, or its beginning and an ellipsis. Never splits a surrogate pair. */
export function cutTo(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text[most - 1] ?? "") ? most - 1 : most;
  return `${text.slice(0, end)}…`;
}

/** `1 event`, `2 events` */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
