import { deepStrictEqual } from "node:assert/strict";
import { isReleased } from "./releases.ts";

Deno.test("isReleased() knows the last release and older ones", () => {
  const versions = ["0.0.9", "0.2.0", "0.3.0", "0.3.1", "0.10.0", "1.0.0"];
  deepStrictEqual(versions.filter((version) => isReleased(version, "0.3.0")), ["0.0.9", "0.2.0", "0.3.0"]);
});
