/**
 * A column of values as Postgres reads an array in text: PostgreSQL documentation, 8.15.2 "Array Value Input". Every value is
 * quoted, so that none is taken for NULL or for part of the syntax.
 */
export function arrayLiteral(values: readonly (string | null)[]): string {
  let text = "{";
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (i > 0) text += ",";
    text += value === null || value === undefined ? "NULL" : `"${escaped(value)}"`;
  }
  return text + "}";
}

/** Most values have nothing to escape. */
function escaped(value: string): string {
  return special.test(value) ? value.replace(/["\\]/g, "\\$&") : value;
}

const special = /["\\]/;
