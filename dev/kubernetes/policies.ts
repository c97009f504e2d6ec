/** All that is asked of deploy/kubernetes beyond its schemas: each policy has its cases in the scenario of policies. */
import type { Manifest } from "./manifest.ts";
import {
  containersAreConfined,
  containersAreProbed,
  imagesArePinned,
  podsAreApart,
  resourcesAreBounded,
} from "./policies/containers.ts";
import { permissionsAreNarrow, secretsAreInFiles, variablesAreSettings } from "./policies/environment.ts";
import {
  podsAreUnderPolicies,
  podsReachWhatTheyUse,
  policiesSayWhoAndWhere,
  waysHaveTwoEnds,
} from "./policies/networks.ts";
import { portsExist, selectorsFindPods } from "./policies/ports.ts";
import { type MadeBefore, referencesExist } from "./policies/references.ts";
import { replicasOutliveADrain, scalingIsBearable, thereIsTimeToLeave } from "./policies/replicas.ts";

/** @returns a sentence for each thing that is wrong */
export type Policy = (manifests: readonly Manifest[], madeBefore: MadeBefore) => string[];

export const policies: readonly Policy[] = [
  podsAreApart,
  containersAreConfined,
  resourcesAreBounded,
  imagesArePinned,
  containersAreProbed,
  variablesAreSettings,
  secretsAreInFiles,
  permissionsAreNarrow,
  replicasOutliveADrain,
  thereIsTimeToLeave,
  scalingIsBearable,
  podsAreUnderPolicies,
  podsReachWhatTheyUse,
  policiesSayWhoAndWhere,
  waysHaveTwoEnds,
  referencesExist,
  portsExist,
  selectorsFindPods,
];

export const policyFaults: Policy = (manifests, madeBefore) =>
  policies.flatMap((policy) => policy(manifests, madeBefore));
