/** Nights about passwords and tokens, with a user of its own for each member. */
import { readDocument } from "../operations/document.ts";
import { makeRolesFor, secrets } from "../operations/roles.ts";
import { System } from "../operations/system.ts";
import { tell } from "./night.ts";
import { rotatedPassword } from "./rotated_password.ts";
import { stolenToken } from "./stolen_token.ts";

Deno.test("secrets in the night: seen and cured with page and terminal alone, as the documents say", async (t) => {
  const { beforeEach } = await readDocument("rotation.md");
  await using system = await System.start(beforeEach, { RATES_WAIT_MS: "30000", ...secrets() });
  await makeRolesFor(system);
  await system.startMembers({}, ". ./subscriber.env");
  await system.publish(200);
  const stories = { "a rotated password": rotatedPassword, "a stolen token": stolenToken };
  await tell(t, system, stories, "set -a && . ./operator.env && set +a");
});
