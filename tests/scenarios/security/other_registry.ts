/** A registry of npm that has something else under a package's name and version, and says that this is right. */
import { join } from "node:path";
import { runProgram } from "../../../tools/run_program.ts";

export class OtherRegistry implements AsyncDisposable {
  private constructor(
    private readonly server: Deno.HttpServer<Deno.NetAddr>,
    /** Of what it serves. */
    readonly integrity: string,
  ) {}

  /** @param folder where it makes the package */
  static async serve(folder: string, name: string, version: string): Promise<OtherRegistry> {
    await Deno.mkdir(join(folder, "package"));
    await Deno.writeTextFile(join(folder, "package/package.json"), JSON.stringify({ name, version, type: "module" }));
    await Deno.writeTextFile(join(folder, "package/index.js"), "export default {};");
    await runProgram("tar", ["-czf", "package.tgz", "package"], { cwd: folder });
    const bytes = await Deno.readFile(join(folder, "package.tgz"));
    const integrity = `sha512-${new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toBase64()}`;

    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
      if (url.endsWith(".tgz")) return new Response(bytes);
      const dist = { tarball: new URL("package.tgz", url).href, integrity };
      return Response.json({
        name,
        "dist-tags": { latest: version },
        versions: { [version]: { name, version, dist } },
      });
    });
    return new OtherRegistry(server, integrity);
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.addr.port}/`;
  }

  get tarball(): string {
    return `${this.url}package.tgz`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.shutdown();
  }
}
