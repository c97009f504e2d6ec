/** Private servers that also speak TLS and request client certificates. */
import { join } from "node:path";
import { closeRedis, openRedis } from "../../shared/redis/client.ts";
import { silentLog } from "../../shared/runtime/telemetry/log.ts";
import { freePort } from "../../tools/demo/members.ts";
import { runProgram } from "../../tools/run_program.ts";
import type { ServerName } from "../../tools/services/server.ts";
import { PrivateServers } from "./private_servers.ts";

export class EncryptedServers implements AsyncDisposable {
  private constructor(
    readonly servers: PrivateServers,
    readonly folder: string,
    readonly ca: Authority,
    readonly server: Certificate,
    readonly client: Certificate,
    private readonly ports: Readonly<Record<"rabbitmq" | "redis", number>>,
  ) {}

  static async start(): Promise<EncryptedServers> {
    const servers = await PrivateServers.start();
    try {
      return await EncryptedServers.of(servers);
    } catch (error) {
      await servers[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Adds TLS to running servers. Disposing the result stops the servers. */
  static async of(servers: PrivateServers): Promise<EncryptedServers> {
    const folder = await Deno.makeTempDir({ prefix: "casino-tls-" });
    const ca = await Authority.make(folder, "ca");
    const server = await ca.sign("server", "DNS:localhost");
    const client = await ca.sign("client", "DNS:client");
    const ports = { rabbitmq: freePort(), redis: freePort() };
    const encrypted = new EncryptedServers(servers, folder, ca, server, client, ports);
    await encrypted.#encrypt();
    return encrypted;
  }

  /** The servers' TLS addresses. @param host the name that the certificate must have */
  urls(host = "localhost") {
    const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = this.servers.direct;
    const [rabbitmq, postgres] = [new URL(RABBITMQ_URL), new URL(DATABASE_URL)];
    postgres.hostname = host;
    postgres.searchParams.set("sslmode", "verify-full");
    return {
      RABBITMQ_URL: `amqps://${rabbitmq.username}:${rabbitmq.password}@${host}:${this.ports.rabbitmq}`,
      REDIS_URL: `${REDIS_URL.replace("redis:", "rediss:").replace(/\/\/.*$/, "")}//${host}:${this.ports.redis}`,
      DATABASE_URL: postgres.href,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.servers[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }

  async #encrypt(): Promise<void> {
    // Each server runs as its own user, and refuses a key that others can read.
    await Deno.chmod(this.folder, 0o755);
    await Promise.all([this.#rabbitmq(), this.#redis(), this.#postgres()]);
  }

  async #rabbitmq(): Promise<void> {
    const { ca, cert, key } = await this.#filesFor("rabbitmq");
    const options = `[{cacertfile,"${ca}"},{certfile,"${cert}"},{keyfile,"${key}"},{verify,verify_peer},` +
      "{fail_if_no_peer_cert,true},{versions,['tlsv1.2','tlsv1.3']}]";
    await this.servers.rabbitmqctl(
      "eval",
      `rabbit_networking:start_ssl_listener(${this.ports.rabbitmq}, ${options}, 4).`,
    );
  }

  async #redis(): Promise<void> {
    const { ca, cert, key } = await this.#filesFor("redis");
    const redis = await openRedis(this.servers.direct.REDIS_URL, { name: "test", log: silentLog });
    const files = ["tls-ca-cert-file", ca, "tls-cert-file", cert, "tls-key-file", key];
    await redis.call("config", "set", ...files, "tls-auth-clients", "yes", "tls-port", String(this.ports.redis));
    await closeRedis(redis);
  }

  async #postgres(): Promise<void> {
    const { ca, cert, key } = await this.#filesFor("postgres");
    const data = join(await this.servers.folderOf("postgres"), "data");
    const rules = [
      "host all postgres all scram-sha-256",
      "hostssl all all all scram-sha-256 clientcert=verify-ca",
      "hostnossl all all all reject",
    ];
    await Deno.writeTextFile(join(data, "pg_hba.conf"), rules.join("\n") + "\n");
    await this.servers.withSuperuser(async (sql) => {
      const settings = { ssl: "on", ssl_ca_file: ca, ssl_cert_file: cert, ssl_key_file: key };
      for (const [name, value] of Object.entries(settings)) await sql.query(`alter system set ${name} = '${value}'`);
      await sql.query("select pg_reload_conf()");
    });
  }

  /** Writes ca.pem, tls.crt and tls.key into the server's folder, owned by the server's user. */
  async #filesFor(server: ServerName) {
    const home = await this.servers.folderOf(server);
    const { uid, gid } = await Deno.stat(home);
    const copied = async (from: string, name: string) => {
      const to = join(home, name);
      await Deno.copyFile(from, to);
      await Deno.chmod(to, 0o600);
      await Deno.chown(to, uid, gid);
      return to;
    };
    return {
      ca: await copied(this.ca.cert, "ca.pem"),
      cert: await copied(this.server.cert, "tls.crt"),
      key: await copied(this.server.key, "tls.key"),
    };
  }
}

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

  /** @param names such as `DNS:localhost,IP:127.0.0.1` */
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
