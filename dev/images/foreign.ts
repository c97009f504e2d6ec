/** The images of other projects that the Dockerfile, compose.yaml and the manifests name. */
import { join } from "node:path";

const files = ["Dockerfile", "compose.yaml"];
const manifests = "deploy/kubernetes";
/** Matches foreign images. In the Dockerfile, only the first stage has one; the other stages build on that stage. */
const named = /^(?:FROM (?=\S*[/:])|\s+(?:- )?(?:image|imageName): )["']?([^\s"']+)/gm;

/** @returns each image once, as it is written, in alphabetical order */
export async function foreignImages(project: string): Promise<string[]> {
  const found = new Set<string>();
  for (const path of [...files, ...await yamlFiles(project, manifests)]) {
    const text = await Deno.readTextFile(join(project, path));
    for (const [, image = ""] of text.matchAll(named)) {
      if (!image.startsWith("casino-events/")) found.add(image);
    }
  }
  return [...found].sort();
}

/** Splits an image into the reference without its digest, and the digest. */
export function digestOf(image: string): { readonly tagged: string; readonly digest: string | undefined } {
  const [tagged = "", digest] = image.split("@");
  return { tagged, digest };
}

async function yamlFiles(project: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(project, folder))) {
    if (isDirectory) found.push(...await yamlFiles(project, join(folder, name)));
    else if (name.endsWith(".yaml")) found.push(join(folder, name));
  }
  return found;
}
