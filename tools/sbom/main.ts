/** `deno task sbom` */
import { join } from "node:path";
import { runCommand, version } from "../../shared/command.ts";
import { runProgram } from "../run_program.ts";
import { billOfMaterials } from "./bom.ts";
import { isAllowed, licenceOf } from "./licences.ts";
import { lockedPackages } from "./lock.ts";
import { importedPackages, shippedPackages } from "./shipped.ts";

const root = join(import.meta.dirname!, "../..");
const path = join(root, "sbom.cdx.json");
const images = ["publisher", "subscriber", "rates-api", "tools"];

await runCommand({
  name: "deno task sbom",
  summary:
    "Writes sbom.cdx.json: Deno and every package that deno.lock pins, with its hash and licence, as CycloneDX 1.6;\n" +
    "what no image holds is `excluded`.\n" +
    "A package under a licence that tools/sbom/licences.ts does not allow is named, and the exit status is 1.",
  flags: { check: { help: "write nothing; say whether the file is what would be written" } },
  settings: [],
  examples: ["deno task sbom", "deno task sbom --check"],
}, async ({ flags }) => {
  const lock = await Deno.readTextFile(join(root, "deno.lock"));
  const packages = lockedPackages(lock);
  const { npmCache } = JSON.parse(await runProgram(Deno.execPath(), ["info", "--json"]));
  const licences = new Map<string, string>();
  for (const each of packages) licences.set(`${each.name}@${each.version}`, await licenceOf(each, npmCache));

  const configuration = await Deno.readTextFile(join(root, "deno.json"));
  const lists = await Promise.all(images.map((name) => Deno.readTextFile(join(root, "tools/images", `${name}.ts`))));
  const product = {
    ...{ name: "casino-events", version, licence: "MIT", deno: Deno.version.deno },
    ...{ imports: importedPackages(lock), shipped: shippedPackages(configuration, lock, lists) },
  };
  const text = `${JSON.stringify(billOfMaterials(product, packages, licences), null, 2)}\n`;
  const refused = [...licences].filter(([, licence]) => !isAllowed(licence));
  for (const [name, licence] of refused) console.error(`${name} is under ${licence}, which is not allowed.`);
  if (flags.check) {
    const current = text === await Deno.readTextFile(path).catch(() => "");
    if (!current) console.error("sbom.cdx.json is not what deno.lock says: deno task sbom, and commit it.");
    return current && refused.length === 0 ? 0 : 1;
  }
  await Deno.writeTextFile(path, text);
  console.log(`${packages.length} packages, ${product.shipped.size} of them in images`);
  return refused.length === 0 ? 0 : 1;
});
