/** `deno task generate` */
import { join } from "node:path";
import { runCommand } from "../../shared/runtime/configuration/command.ts";
import { descriptorModule } from "./descriptors.ts";
import { messageModule } from "./message_code.ts";

const root = join(import.meta.dirname!, "../..");
const proto = join(root, "proto");

await runCommand({
  name: "deno task generate",
  summary:
    "Generates, from the schemas in proto/, the code that encodes and decodes them, and the descriptors that the rates\n" +
    "API shows by reflection.",
  flags: { check: { help: "write nothing, and tell whether the code is up to date" } },
  settings: [],
  examples: ["deno task generate", "deno task generate --check"],
}, async ({ flags: { check } }) => {
  const stale: string[] = [];
  for (const [path, text] of Object.entries(await generate())) {
    const target = join(root, path);
    const present = await Deno.readTextFile(target).catch(() => "");
    if (present === text) continue;
    stale.push(path);
    if (!check) await Deno.writeTextFile(target, text);
  }
  if (check && stale.length > 0) {
    throw new Error(
      `Generated code is out of date (${stale.join(", ")}): run \`deno task generate\` and commit the result.`,
    );
  }
  console.log(stale.length === 0 ? "Generated code is up to date." : `Generated ${stale.join(", ")}.`);
  return 0;
});

async function generate(): Promise<Record<string, string>> {
  return {
    ...await messageModule(proto, "shared/event/generated/protobuf", [
      "casino/events/v1/event.proto",
      "casino/rates/v1/rates.proto",
    ]),
    // v1alpha of reflection differs from v1 in name only, so that one set of messages serves both.
    ...await messageModule(proto, "rates-api/generated/protobuf", [
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
}
