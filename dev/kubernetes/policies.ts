/** All that is asked of deploy/kubernetes beyond its schemas: each policy has its cases in the scenario of policies. */
import type { Manifest } from "./manifest.ts";
import * as networks from "./policies/networks.ts";
import { type MadeBefore, referencesExist } from "./policies/references.ts";
import * as workloads from "./policies/workloads.ts";

/** @returns a sentence for each thing that is wrong */
export type Policy = (manifests: readonly Manifest[], madeBefore: MadeBefore) => string[];

/** Every function that these files export is a policy. */
export const policies: readonly Policy[] = [
  ...[workloads, networks].flatMap((file): Policy[] => Object.values(file)),
  referencesExist,
];

export const policyFaults: Policy = (manifests, madeBefore) =>
  policies.flatMap((policy) => policy(manifests, madeBefore));
