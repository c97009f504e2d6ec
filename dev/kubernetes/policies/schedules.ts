/** Policies for Jobs and CronJobs. */
import { ends, idOf, type Json, type Manifest, ofKind, workloadsOf } from "../manifest.ts";

/** A Job ends by itself when its work hangs or fails, and does not stay for ever. */
export function jobsEnd(manifests: readonly Manifest[]): string[] {
  return workloadsOf(manifests).filter(ends).flatMap(({ manifest, id }) => {
    const job = manifest["spec"].jobTemplate?.spec ?? manifest["spec"];
    const faults: string[] = [];
    if (!(job.activeDeadlineSeconds > 0)) faults.push("has no deadline");
    if (!(job.backoffLimit >= 0)) faults.push("has no backoffLimit");
    if (!(job.ttlSecondsAfterFinished > 0) && !keepsFew(manifest["spec"])) {
      faults.push("sets no limit for finished Jobs");
    }
    return faults.map((fault) => `${id} ${fault}`);
  });
}

/** A CronJob that runs by itself runs once at a time, and the hour is that of no controller's time zone. */
export function schedulesAreKept(manifests: readonly Manifest[]): string[] {
  return ofKind(manifests, "CronJob").filter(({ spec }) => spec.suspend !== true).flatMap((cronJob) => {
    const { concurrencyPolicy, timeZone, startingDeadlineSeconds } = cronJob["spec"];
    const faults: string[] = [];
    if (concurrencyPolicy !== "Forbid") faults.push("may run twice at once");
    if (timeZone === undefined) faults.push("runs in the controller's time zone");
    // Without it, the controller starts none once it has missed more than 100.
    if (!(startingDeadlineSeconds > 0)) faults.push("has no startingDeadlineSeconds");
    return faults.map((fault) => `${idOf(cronJob)} ${fault}`);
  });
}

function keepsFew({ successfulJobsHistoryLimit, failedJobsHistoryLimit }: Json): boolean {
  return [successfulJobsHistoryLimit, failedJobsHistoryLimit].every((limit) => limit >= 0 && limit <= 10);
}
