/** All that is asked of deploy/kubernetes beyond its schemas. */
import type { Manifest } from "../manifest.ts";
import { containerFaults } from "./containers.ts";
import { environmentFaults } from "./environment.ts";
import { networkFaults } from "./networks.ts";
import { type MadeBefore, referenceFaults } from "./references.ts";
import { disruptionFaults, graceFaults, scalingFaults } from "./replicas.ts";

/** @returns a sentence for each thing that is wrong */
export function policyFaults(manifests: readonly Manifest[], madeBefore: MadeBefore): string[] {
  return [
    ...containerFaults(manifests),
    ...environmentFaults(manifests),
    ...disruptionFaults(manifests),
    ...graceFaults(manifests),
    ...scalingFaults(manifests),
    ...networkFaults(manifests),
    ...referenceFaults(manifests, madeBefore),
  ];
}
