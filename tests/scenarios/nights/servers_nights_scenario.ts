/** Nights about servers, messages, members and personal data, each with a fault and its cure. */
import { mayMount } from "../../harness/small_disk.ts";
import { readDocument } from "../operations/document.ts";
import { System } from "../operations/system.ts";
import { badDeploy } from "./bad_deploy.ts";
import { erasedPlayer } from "./erased_player.ts";
import { failover } from "./failover.ts";
import { fullDisk } from "./full_disk.ts";
import { missingPartition } from "./missing_partition.ts";
import { tell } from "./night.ts";
import { poisonPublisher } from "./poison_publisher.ts";
import { ratesOutage } from "./rates_outage.ts";
import { stuckSubscriber } from "./stuck_subscriber.ts";

Deno.test("faults in the night: seen and cured with page and terminal alone, as the documents say", async (t) => {
  const { beforeEach } = await readDocument("operations.md");
  await using system = await System.start(beforeEach);
  await using kept = new AsyncDisposableStack();
  await system.operator.try("deno task migrate", undefined, "the tables");
  await system.startMembers();
  await system.publish(200);
  await tell(t, system, {
    "a missing partition": missingPartition,
    "a bad deploy": badDeploy,
    "a poison publisher": poisonPublisher,
    "a stuck subscriber": stuckSubscriber,
    "a rates outage": ratesOutage,
    "an erased player": erasedPlayer,
    ...mayMount && { "a full disk": fullDisk },
    // The last one: the former primary is lost.
    "a failover": failover(kept),
  });
});
