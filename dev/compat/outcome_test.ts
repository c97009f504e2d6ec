import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { isOfServers, summary, versionsIn } from "./outcome.ts";

Deno.test("versionsIn() reads what up says, whether it has started a server or found it", () => {
  const said = "Redis 8.0.2 answers at 127.0.0.1:6379\nRabbitMQ 4.0.5 started at 127.0.0.1:5672 in 3.1 s\n" +
    "Postgres 17.12 (Debian 17.12-0+deb13u1) started at 127.0.0.1:5432 in 1.0 s\n";
  deepStrictEqual(versionsIn(said), ["RabbitMQ 4.0.5", "Redis 8.0.2", "Postgres 17.12"]);
  throws(() => versionsIn("RabbitMQ 4.0.5 started at"), /no version of Redis/);
});

Deno.test("summary() ends with the counts", () => {
  strictEqual(
    summary(["RabbitMQ 4.0.5", "Redis 8.0.2"], { passed: 9, failed: 1 }),
    "RabbitMQ 4.0.5, Redis 8.0.2: 9 passed, 1 failed",
  );
});

Deno.test("isOfServers() takes what runs members on servers, and nothing that needs a browser", () => {
  strictEqual(isOfServers('import { withWorld } from "../../harness/world.ts";'), true);
  strictEqual(isOfServers('import { PrivateWorld } from "../../harness/private_world.ts";'), true);
  strictEqual(isOfServers('import { servers } from "../../servers/servers.ts";'), true);
  strictEqual(isOfServers('import { EncryptedServers } from "../../harness/encrypted_servers.ts";'), true);
  strictEqual(isOfServers('import { follow } from "../operations/follow.ts";'), true);
  strictEqual(isOfServers('import { project } from "../../harness/world.ts";'), false);
  strictEqual(
    isOfServers(
      'import { withWorld } from "../../harness/world.ts";\nimport { openPage } from "../dashboard/browser.ts";',
    ),
    false,
  );
});
