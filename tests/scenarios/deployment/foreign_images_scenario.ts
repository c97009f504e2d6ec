/** Third-party images are pinned by digest where docs/images.md and SECURITY.md say so. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { digestOf, foreignImages } from "../../../dev/images/foreign.ts";
import { project } from "../../harness/world.ts";

const images = await foreignImages(project);
const read = (path: string) => Deno.readTextFile(join(project, path));

Deno.test("every foreign image has a release's tag, and the same digest everywhere", () => {
  ok(images.some((image) => image.includes("denoland/deno")) && images.length >= 8, images.join(" "));
  for (const image of images) match(image, /:(?!latest)[\w.-]+(@sha256:[0-9a-f]{64})?$/);
  const tags = images.map((image) => digestOf(image).tagged);
  deepStrictEqual(tags.filter((tag, i) => tags.indexOf(tag) !== i), [], "named with and without a digest, or with two");
});

Deno.test("docs/images.md lists the foreign images without a digest, and SECURITY.md links there", async () => {
  const unpinned = images.filter((image) => digestOf(image).digest === undefined);
  const [, section = ""] = (await read("docs/images.md")).split("\n## Pinned by digest\n");
  const [text = ""] = section.split("\n## ");
  const listed = Array.from(text.matchAll(/^- `([^`]+)`$/gm), ([, image]) => image);
  deepStrictEqual(listed, unpinned);
  match(await read("SECURITY.md"), /docs\/images\.md#pinned-by-digest/);
});

Deno.test("Renovate pins the digests of images where it finds a registry", async () => {
  ok(JSON.parse(await read("renovate.json")).extends.includes("docker:pinDigests"));
});
