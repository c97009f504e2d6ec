import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { isOfServers, runsOf, summary, versionsIn } from "./inside.ts";

Deno.test("versionsIn() reads the output of up, for servers that it started or found", () => {
  const said = "Redis 8.0.2 answers at 127.0.0.1:6379\nRabbitMQ 4.0.5 started at 127.0.0.1:5672 in 3.1 s\n" +
    "Postgres 17.12 (Debian 17.12-0+deb13u1) started at 127.0.0.1:5432 in 1.0 s\n";
  deepStrictEqual(versionsIn(said), ["RabbitMQ 4.0.5", "Redis 8.0.2", "Postgres 17.12"]);
  throws(() => versionsIn("RabbitMQ 4.0.5 started at"), /no version of Redis/);
});

Deno.test("runsOf() selects all tests, the integration tests, or the scenarios whose names begin with a word", () => {
  const [lock, killed, lost] = ["events/lock_scenario.ts", "faults/killed_scenario.ts", "faults/lost_scenario.ts"];
  const scenarios = [lock, killed, lost];
  const integration = ["--allow-net", "tests/integration"];
  deepStrictEqual(runsOf(scenarios), [integration, ["-A", ...scenarios]]);
  deepStrictEqual(runsOf(scenarios, "integration"), [integration]);
  deepStrictEqual(runsOf(scenarios, "lo"), [["-A", lock, lost]]);
  throws(() => runsOf(scenarios, "none"), /No scenario that needs servers begins with "none"/);
});

Deno.test("summary() ends with the counts", () => {
  strictEqual(
    summary(["RabbitMQ 4.0.5", "Redis 8.0.2"], { passed: 9, failed: 1 }),
    "RabbitMQ 4.0.5, Redis 8.0.2: 9 passed, 1 failed",
  );
});

Deno.test("isOfServers() selects jobs that run members on servers, and no jobs that need a browser", () => {
  const importing = (...files: string[]) => files.map((file) => `import {} from "${file}";`).join("\n");
  const members = 'import { withWorld } from "../../harness/world.ts";';
  for (
    const source of [
      members,
      'import { PrivateWorld } from "../../harness/private_world.ts";',
      'import { EncryptedServers } from "../../harness/encrypted_servers.ts";',
      'import { follow } from "../operations/follow.ts";',
      importing("../../servers/servers.ts"),
    ]
  ) strictEqual(isOfServers(source), true, source);
  strictEqual(isOfServers('import { project } from "../../harness/world.ts";'), false);
  strictEqual(isOfServers(`${members}\n${importing("../dashboard/browser.ts")}`), false);
});
