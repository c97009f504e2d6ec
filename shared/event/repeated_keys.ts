/** Finds repeated keys: JSON.parse() silently keeps the last of several members with the same key. */

/**
 * Returns the keys that occur more than once at the object's top level, also under different escapes.
 * @param json the text of an object that JSON.parse() has parsed
 * @param distinct the number of keys that JSON.parse() found
 */
export function repeatedKeys(json: string, distinct: number): string[] {
  let count = 0;
  let escaped = false;
  eachKey(json, (begin, end) => {
    count++;
    for (let at = begin; at < end; at++) if (json.charCodeAt(at) === backslash) escaped = true;
  });
  // V8 14 sometimes reads an escaped key as another key, so `distinct` proves nothing for a text with escaped keys:
  // https://github.com/nodejs/node/issues/63785.
  // Remove `escaped` when the property in repeated_keys_test.ts passes without it.
  if (count === distinct && !escaped) return [];
  const seen = new Set<string>();
  const repeated = new Set<string>();
  eachKey(json, (begin, end) => {
    const key: string = JSON.parse(json.slice(begin, end));
    (seen.has(key) ? repeated : seen).add(key);
  });
  return [...repeated];
}

/** Calls `use` with the offsets of each key, quotes included. Allocates nothing: files have millions of lines. */
function eachKey(json: string, use: (begin: number, end: number) => void): void {
  let depth = 0;
  let [begin, end] = [0, 0];
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case quote:
        begin = at;
        at = endOfText(json, at);
        end = at + 1;
        break;
      case openBrace:
      case openBracket:
        depth++;
        break;
      case closeBrace:
      case closeBracket:
        depth--;
        break;
      case colon:
        if (depth === 1) use(begin, end);
    }
  }
}

/** Returns the offset of the closing quote. */
function endOfText(json: string, begin: number): number {
  let at = begin;
  do at = json.indexOf('"', at + 1); while (isEscaped(json, at));
  return at;
}

function isEscaped(json: string, at: number): boolean {
  let backslashes = 0;
  while (json.charCodeAt(at - 1 - backslashes) === backslash) backslashes++;
  return backslashes % 2 === 1;
}

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
