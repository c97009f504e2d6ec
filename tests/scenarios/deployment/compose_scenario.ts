/** compose.yaml: that it is a Compose file, and what each of its profiles starts. */
import { deepStrictEqual, match } from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { composeFaults } from "../../../dev/programs/programs.ts";
import { project } from "../../harness/private_world.ts";

interface Service {
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

const file = await Deno.readTextFile(join(project, "compose.yaml"));
const composition = parse(file, { merge: true });
const services: [string, Service][] = Object.entries(composition.services);
const servers = ["postgres", "rabbitmq", "redis"];
const everything = [...servers, "migrate", "provision", "publisher", "rates-api", "subscriber"];
const profiles: Readonly<Record<string, readonly string[]>> = {
  servers,
  everything,
  observability: [...everything, "grafana", "jaeger", "prometheus"],
};

Deno.test("compose.yaml is a Compose file, and one with a misspelt key would not be", async () => {
  deepStrictEqual(await composeFaults(composition), "");
  const { redis, ...others } = composition.services;
  match(
    await composeFaults({ ...composition, services: { ...others, redis: { ...redis, imagge: "x" } } }),
    /services\/redis must NOT/,
  );
  match(await composeFaults({ ...composition, volume: {} }), /must NOT have additional properties/);
});

for (const [profile, names] of Object.entries(profiles)) {
  Deno.test(`the profile ${profile} of compose.yaml starts what it says, and whatever that waits for`, () => {
    const started = services.filter(([, { profiles = [] }]) => profiles.includes(profile));
    deepStrictEqual(started.map(([name]) => name).sort(), names.toSorted());
    const waitedFor = started.flatMap(([, { depends_on = {} }]) => Object.keys(depends_on));
    deepStrictEqual(waitedFor.filter((name) => !names.includes(name)), []);
  });
}

Deno.test("every service of compose.yaml is of some profile, and .env names the one that starts the whole system", async () => {
  deepStrictEqual(services.filter(([, { profiles = [] }]) => profiles.length === 0), []);
  const settings = (await Deno.readTextFile(join(project, ".env"))).split("\n").filter((line) => /^[^#]/.test(line));
  deepStrictEqual(settings, ["COMPOSE_PROFILES=everything"]);
});
