/**
 * Generates, from the schemas in proto/, the code that encodes and decodes them, and the descriptors that the rates API
 * shows by reflection; `--check` only tells whether they are up to date.
 */
import { join } from "node:path";
import { descriptorModule } from "./descriptors.ts";
import { staticModule } from "./static_module.ts";

const root = join(import.meta.dirname!, "../..");

const check = Deno.args.includes("--check");
const generated: Record<string, string> = {
  ...await staticModule(root, "shared/generated/protobuf", "default", [
    "casino/events/v1/event.proto",
    "casino/rates/v1/rates.proto",
  ]),
  // v1alpha of reflection differs from v1 in name only, so that one set of messages serves both.
  ...await staticModule(root, "rates-api/generated/protobuf", "rates-api", [
    "casino/rates/v1/mock_control.proto",
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto",
  ]),
  "rates-api/generated/descriptors.ts": await descriptorModule(root, [
    "google/protobuf/timestamp.proto",
    "casino/rates/v1/mock_control.proto",
    "casino/rates/v1/rates.proto",
    "grpc/health/v1/health.proto",
    "grpc/reflection/v1/reflection.proto",
    "grpc/reflection/v1alpha/reflection.proto",
  ]),
};

const stale: string[] = [];
for (const [path, text] of Object.entries(generated)) {
  const target = join(root, path);
  const present = await Deno.readTextFile(target).catch(() => "");
  if (present === text) continue;
  stale.push(path);
  if (!check) await Deno.writeTextFile(target, text);
}
if (check && stale.length > 0) {
  console.error(
    `Generated code is out of date (${stale.join(", ")}): run \`deno task generate\` and commit the result.`,
  );
  Deno.exit(1);
}
console.log(stale.length === 0 ? "Generated code is up to date." : `Generated ${stale.join(", ")}.`);
