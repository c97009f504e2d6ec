/** Certificates of a test's own, by openssl: a CA, and what it has signed. */
import { join } from "node:path";
import { runProgram } from "../../tools/run_program.ts";

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

export class Authority {
  private constructor(private readonly folder: string, readonly name: string) {}

  get cert(): string {
    return join(this.folder, `${this.name}.pem`);
  }

  static async make(folder: string, name: string): Promise<Authority> {
    const authority = new Authority(folder, name);
    await openssl(folder, "req", "-x509", ...newKey, "-days", "2", ...authority.#out(name), "-subj", `/CN=${name}`);
    return authority;
  }

  /** @param names as in `DNS:localhost,IP:127.0.0.1` */
  async sign(name: string, names: string): Promise<Certificate> {
    const [request, extensions] = [`${name}.csr`, `${name}.ext`];
    await Deno.writeTextFile(join(this.folder, extensions), `subjectAltName=${names}\n`);
    await openssl(this.folder, "req", ...newKey, "-keyout", `${name}.key`, "-out", request, "-subj", `/CN=${name}`);
    await openssl(
      ...[this.folder, "x509", "-req", "-in", request, "-days", "2", "-CAcreateserial"],
      ...["-CA", `${this.name}.pem`, "-CAkey", `${this.name}.key`, "-extfile", extensions, "-out", `${name}.pem`],
    );
    return { cert: join(this.folder, `${name}.pem`), key: join(this.folder, `${name}.key`) };
  }

  #out(name: string): string[] {
    return ["-keyout", `${name}.key`, "-out", `${name}.pem`];
  }
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  await runProgram("openssl", args, { cwd: folder });
}
