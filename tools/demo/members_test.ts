import { strictEqual } from "node:assert/strict";
import { seededRandom } from "../../shared/runtime/random.ts";
import { freePort } from "./members.ts";

Deno.test("freePort() skips a port in use", () => {
  const random = seededRandom(1);
  const port = random.int(20_000, 32_767);
  using _ = Deno.listen({ hostname: "127.0.0.1", port });
  strictEqual(freePort(seededRandom(1)) === port, false);
});

Deno.test("freePort() stays below the ephemeral ports, and returns a new port each time", () => {
  const ports = Array.from({ length: 500 }, () => freePort());
  strictEqual(ports.every((port) => port >= 20_000 && port < 32_768), true, `${ports}`);
  strictEqual(new Set(ports).size, 500);
});
