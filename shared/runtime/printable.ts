/**
 * Text from outside (events, players, Redis, error messages of servers) for a terminal or a log: on one line, of bounded
 * length, without control characters.
 */

/**
 * Characters that could mislead a terminal or its reader: C0 and C1 controls, DEL, those that change the direction of text
 * (Unicode's Bidi_Control), and the two line breaks that are no controls.
 */
// deno-lint-ignore no-control-regex -- control characters are what it is about
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same without C0, which JSON never holds as such, and with which JSON text is laid out on lines. */
const unprintableInJson = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Longest text that is shown where nothing else is said, in UTF-16 code units. */
export const mostShown = 2_048;

/** The text on one line: what is unprintable as `\uXXXX`, as JSON writes it, and cut to `most` code units. */
export function printable(text: string, most = mostShown): string {
  return cutTo(text, most).replace(unprintable, escaped);
}

/** A JSON text that means the same, byte for byte after parsing, and holds nothing unprintable. */
export function printableJson(json: string): string {
  return json.replace(unprintableInJson, escaped);
}

/** The text, or its beginning and an ellipsis; never with half of a surrogate pair at the end. */
export function cutTo(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text[most - 1] ?? "") ? most - 1 : most;
  return `${text.slice(0, end)}…`;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
