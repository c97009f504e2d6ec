import { strictEqual } from "node:assert/strict";
import { takesServers } from "./scenarios.ts";

Deno.test("takesServers() takes what runs members on servers, and nothing that needs a browser", () => {
  strictEqual(takesServers('import { withWorld } from "../../harness/world.ts";'), true);
  strictEqual(takesServers('import { PrivateWorld } from "../../harness/private_world.ts";'), true);
  strictEqual(takesServers('import { servers } from "../../servers/servers.ts";'), true);
  strictEqual(takesServers('import { EncryptedServers } from "../../harness/encrypted_servers.ts";'), true);
  strictEqual(takesServers('import { follow } from "../operations/follow.ts";'), true);
  strictEqual(takesServers('import { project } from "../../harness/world.ts";'), false);
  strictEqual(
    takesServers(
      'import { withWorld } from "../../harness/world.ts";\nimport { openPage } from "../dashboard/browser.ts";',
    ),
    false,
  );
});
