/** Every object against the published schema of its type, strictly: a field that is not in it is a fault. */
import { idOf, type Manifest } from "./manifest.ts";
import { faultsByHand } from "./operator_schemas.ts";
import { faultsOf, type Model } from "./strict.ts";

/** Which package has the schemas of an API. */
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

/** @returns what is wrong with it; an object of a type that has no schema here is a fault as well */
export async function schemaFaults(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest;
  const faults = packages[apiVersion]
    ? faultsOf(await modelOf(apiVersion, kind), manifest)
    : faultsByHand(`${apiVersion} ${kind}`, manifest) ?? [" is of a type without a schema"];
  return faults.map((fault) => `${idOf(manifest)}${fault}`);
}

/** Its own module: the whole package would take seconds to load. */
async function modelOf(apiVersion: string, kind: string): Promise<Model> {
  const module: Readonly<Record<string, Model>> = await import(`${packages[apiVersion]}/${apiVersion}/${kind}`);
  return module[kind]!;
}
