/** docs/backup.md, as it stands: dumps and restores while events come all the time. */
import { follow } from "./follow.ts";

const patient = { RATES_WAIT_MS: "30000" };

Deno.test("backup.md: each command, as it stands; every event comes back, once", async (t) => {
  await follow(t, "backup.md", { env: patient });
});
