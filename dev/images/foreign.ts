/** The images that are not built here: what Dockerfile, compose.yaml and the manifests name of other people's. */
import { join } from "node:path";

const files = ["Dockerfile", "compose.yaml"];
const manifests = "deploy/kubernetes";
/** The Dockerfile's first stage is built on a foreign image, the others on it. */
const named = /^(?:FROM (?=\S*[/:])|\s+(?:- )?(?:image|imageName): )["']?([^\s"']+)/gm;

/** @returns each once, as it is named, in alphabetical order */
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

/** The image without its digest, and the digest. */
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
