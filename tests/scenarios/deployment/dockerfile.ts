/** Reads the Dockerfile, and builds its targets without an engine: into folders, which hold what the images would. */
import { dirname, join, relative } from "node:path";
import { runProgram } from "../../../tools/run_program.ts";
import { project } from "../../harness/world.ts";

export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly { readonly keyword: string; readonly value: string }[];
}

/** An image in a folder: its files, and how it is started. */
export interface Image {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
}

export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string; from: string; instructions: { keyword: string; value: string }[] }[] = [];
  for (const line of text.replace(/^#.*\n/gm, "").replace(/\\\n\s*/g, "").split("\n")) {
    const [, keyword = "", value = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (keyword === "FROM") {
      const [from = "", , name = ""] = value.split(" ");
      stages.push({ name, from, instructions: [] });
    } else if (keyword) stages.at(-1)!.instructions.push({ keyword, value });
  }
  return stages;
}

/** The values of a stage's instructions of one kind, inherited ones left out. */
export function valuesOf({ instructions }: Stage, keyword: string): string[] {
  return instructions.filter((instruction) => instruction.keyword === keyword).map(({ value }) => value);
}

/** `.dockerignore`, as Docker reads it: the last line that matches decides. */
export function ignoring(text: string): (path: string) => boolean {
  const rules = text.split("\n").filter((line) => line && !line.startsWith("#")).map((line) => {
    const [pattern, kept] = line.startsWith("!") ? [line.slice(1), true] : [line, false];
    const source = pattern.replace(/[.+^$()|[\]{}]/g, "\\$&").replace(
      /\*\*\/|\*/g,
      (star) => star === "*" ? "[^/]*" : "(?:.*/)?",
    );
    return { matches: new RegExp(`^${source}(?:/.*)?$`), kept };
  });
  return (path) => rules.reduce((ignored, { matches, kept }) => matches.test(path) ? !kept : ignored, false);
}

/** Builds in a folder of its own. Deno stands in for the base image's. */
export class Builder implements AsyncDisposable {
  readonly #images = new Map<string, Image>();

  private constructor(
    private readonly stages: readonly Stage[],
    private readonly ignored: (path: string) => boolean,
    private readonly folder: string,
  ) {}

  static async open(): Promise<Builder> {
    const folder = await Deno.makeTempDir({ prefix: "casino-images-" });
    await Deno.chmod(folder, 0o755);
    await Deno.mkdir(join(folder, "bin"));
    // Where Deno itself is, a user of no rights may have no way to.
    await Deno.copyFile(Deno.execPath(), join(folder, "bin/deno"));
    const [stages, ignored] = await Promise.all([read("Dockerfile"), read(".dockerignore")]);
    return new Builder(parseDockerfile(stages), ignoring(ignored), folder);
  }

  async build(name: string): Promise<Image> {
    const built = this.#images.get(name);
    if (built) return built;
    const stage = this.stages.find((stage) => stage.name === name)!;
    const base = this.stages.some(({ name }) => name === stage.from) ? await this.build(stage.from) : undefined;
    const root = join(this.folder, name);
    await Deno.mkdir(root);
    const image = { root, env: { ...base?.env }, entrypoint: [] as string[] };
    if (base) await copyWhole(base.root, root);
    for (const { keyword, value } of stage.instructions) await this.#follow(image, keyword, value);
    this.#images.set(name, image);
    return image;
  }

  /** A command of an image, with the folder's paths in place of the image's. */
  commandIn({ root }: Image, words: readonly string[]): string[] {
    return words.map((word) =>
      word === "/bin/deno" ? join(this.folder, "bin/deno") : word.replaceAll(/(?<=[=,])\/(?=app\b|run\b)/g, `${root}/`)
    );
  }

  environmentOf({ root, env }: Image): Record<string, string> {
    return Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, value.startsWith("/") ? join(root, value) : value]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  async #follow(
    image: { root: string; env: Record<string, string>; entrypoint: string[] },
    keyword: string,
    value: string,
  ) {
    switch (keyword) {
      case "WORKDIR":
        return await Deno.mkdir(join(image.root, value), { recursive: true });
      case "ENV":
        for (const pair of value.split(" ")) {
          const [name = "", text = ""] = pair.split("=");
          image.env[name] = text;
        }
        return;
      case "COPY":
        return await this.#copy(image, value.split(" "));
      case "RUN":
        return await this.#run(image, JSON.parse(value));
      case "ENTRYPOINT":
        image.entrypoint = JSON.parse(value);
    }
  }

  async #copy({ root }: Image, words: string[]): Promise<void> {
    const from = words[0]!.startsWith("--from=") ? await this.build(words.shift()!.slice("--from=".length)) : undefined;
    const to = join(root, words.at(-1)!.startsWith("/") ? "" : "app", words.pop()!);
    for (const source of words) {
      const path = join(from?.root ?? project, source);
      if (!from && this.ignored(source)) throw new Error(`.dockerignore keeps ${source} from the Dockerfile`);
      const isFolder = (await Deno.stat(path)).isDirectory;
      const target = isFolder ? to : join(to, path.slice(dirname(path).length));
      if (from) await copyWhole(path, target);
      else await copyWanted(path, target, (path) => !this.ignored(relative(project, path)));
    }
  }

  async #run(image: Image, words: readonly string[]): Promise<void> {
    const [program = "", ...args] = this.commandIn(image, words);
    if (args[0] === "cache") await seedPackages(image.root);
    await runProgram(program, args, { cwd: join(image.root, "app"), env: this.environmentOf(image) });
  }
}

/** Of the packages that the image's lock names, those that this machine has: no registry is asked for them again. */
async function seedPackages(root: string): Promise<void> {
  const { npmCache } = JSON.parse(await runProgram(Deno.execPath(), ["info", "--json"]));
  const { npm } = JSON.parse(await Deno.readTextFile(join(root, "app/deno.lock")));
  for (const id of Object.keys(npm)) {
    const [, name = "", version = ""] = /^(@?[^@]+)@([^_]+)/.exec(id) ?? [];
    for await (const registry of Deno.readDir(npmCache)) {
      for (const part of [version, "registry.json"]) {
        const path = join(registry.name, name, part);
        const isThere = await Deno.stat(join(npmCache, path)).then(() => true, () => false);
        if (isThere) await copyWhole(join(npmCache, path), join(root, "deno-dir/npm", path));
      }
    }
  }
}

async function copyWhole(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true });
  await runProgram("cp", ["-r", "-T", from, to]);
}

async function copyWanted(from: string, to: string, wanted: (path: string) => boolean): Promise<void> {
  if ((await Deno.stat(from)).isDirectory) {
    await Deno.mkdir(to, { recursive: true });
    for await (const { name } of Deno.readDir(from)) {
      if (wanted(join(from, name))) await copyWanted(join(from, name), join(to, name), wanted);
    }
  } else {
    await Deno.mkdir(dirname(to), { recursive: true });
    await Deno.copyFile(from, to);
  }
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(join(project, path));
}
