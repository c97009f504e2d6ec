/**
 * Finds fields that a validator did not ask for. The published validators let them pass, while the API server refuses
 * them or drops them silently. So the validator gets the object through proxies, which note what it looks at: where it
 * looks for any field by name, it knows all fields by name, and whatever else is there is unknown. Where it looks for
 * none (free-form objects), anything goes.
 */
import type { Json } from "./manifest.ts";

/** @returns none when it is valid */
export type Validate = (data: Json) => readonly Fault[];

/** As ajv writes them. */
export interface Fault {
  readonly instancePath: string;
  readonly message?: string;
  readonly keyword: string;
  readonly params?: unknown;
}

/** @returns what is wrong, with its path */
export function faultsOf(validate: Validate, object: Json): string[] {
  const seen: Look[] = [];
  const faults = validate(watched(object, "", seen, new Map())).map(({ instancePath, message, keyword, params }) =>
    `${instancePath || "/"}: ${message ?? keyword} ${JSON.stringify(params)}`
  );
  for (const { path, object, asked } of seen) {
    if (asked.size === 0) continue;
    const unknown = Object.keys(object).filter((name) => !asked.has(name));
    faults.push(...unknown.map((name) => `${path}/${name}: is no field there is`));
  }
  return faults;
}

interface Look {
  readonly path: string;
  readonly object: object;
  readonly asked: Set<string>;
}

function watched(value: Json, path: string, seen: Look[], made: Map<object, Json>): Json {
  if (typeof value !== "object" || value === null) return value;
  const known = made.get(value);
  if (known) return known;
  const look: Look = { path, object: value, asked: new Set() };
  if (!Array.isArray(value)) seen.push(look);
  const proxy = new Proxy(value, {
    get(target, name) {
      if (typeof name === "string") look.asked.add(name);
      return watched(Reflect.get(target, name), `${path}/${String(name)}`, seen, made);
    },
  });
  made.set(value, proxy);
  return proxy;
}
