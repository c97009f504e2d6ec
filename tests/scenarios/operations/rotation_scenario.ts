/** docs/rotation.md and certificates.md, as they stand: new secrets for members that each have their own role, while events come all the time. */
import { happenings } from "./faults.ts";
import { follow } from "./follow.ts";
import { encrypt } from "./encryption.ts";
import { makeRolesFor, secrets } from "./roles.ts";

/** A restart takes longer than the wait for rates of the other documents' systems. */
const patient = { RATES_WAIT_MS: "30000", RATES_TTL_MS: "3000" };

Deno.test("rotation.md: each command, as it stands; no event is lost on the way", async (t) => {
  await follow(t, "rotation.md", {
    env: { ...patient, ...secrets() },
    async begin(system) {
      await makeRolesFor(system);
      await system.startMembers({}, ". ./subscriber.env");
    },
    before: (system) => happenings["events come all the time"]!(system),
    between: (system) => happenings["events come no more"]!(system),
  });
});

Deno.test("certificates.md: each command, as it stands; no event is lost on the way", async (t) => {
  await using made = new AsyncDisposableStack();
  await follow(t, "certificates.md", {
    env: patient,
    begin: async (system) => void made.use(await encrypt(system)),
    before: (system) => happenings["events come all the time"]!(system),
    between: (system) => happenings["events come no more"]!(system),
  });
});
