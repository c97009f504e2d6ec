/**
 * The published validators, strictly. They let fields pass that they did not ask for, while the API server refuses
 * those or drops them silently. So a validator gets the object through proxies, which note what it looks at: where it
 * looks for any field by name, it knows all fields by name, and whatever else is there is unknown. Where it looks for
 * none (free-form objects), anything goes.
 */
import type { Json } from "../kubernetes/manifest.ts";

/** A class of kubernetes-models and its kin. */
export interface Model {
  readonly prototype: { validate(): void };
}

/** An error of ajv. */
interface Fault {
  readonly instancePath: string;
  readonly message?: string;
  readonly keyword: string;
  readonly params?: unknown;
}

/** @returns what is wrong, with its path */
export function faultsOf(model: Model, object: Json): string[] {
  const seen: Look[] = [];
  const faults = validate(model, watched(object, "", seen, new Map())).map((
    { instancePath, message, keyword, params },
  ) => `${instancePath || "/"}: ${message ?? keyword} ${JSON.stringify(params)}`);
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

/** Without making an object of the class: that would copy what is to be watched. */
function validate(model: Model, data: Json): readonly Fault[] {
  try {
    model.prototype.validate.call(data);
    return [];
  } catch (error) {
    const faults = (error as { errors?: readonly Fault[] }).errors;
    if (!faults) throw error;
    return faults;
  }
}
