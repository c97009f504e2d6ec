/**
 * An empty checkout with free ports of its own, for what `up` and `down` do in process. Its servers run from the system's
 * packages, whether a Docker engine answers or not: tests kill and pause them.
 */
import { join } from "node:path";
import { freePort } from "../../tools/demo/members.ts";
import { withoutEpmd } from "../../tools/services/native/rabbitmq.ts";
import { down, type DownOptions } from "../../tools/services/down.ts";
import { foldersOf, readState, type State } from "../../tools/services/folder.ts";
import { superuserFile } from "../../tools/services/native/postgres.ts";
import { runToEnd } from "../../tools/services/process.ts";
import { type ServerConfig, urlOf } from "../../tools/services/server.ts";
import { up } from "../../tools/services/up.ts";

export class Checkout implements AsyncDisposable {
  readonly said: string[] = [];

  private constructor(
    readonly project: string,
    public config: ServerConfig,
    private readonly inContainers: () => Promise<boolean>,
  ) {}

  static async make(
    config: Partial<ServerConfig> = {},
    inContainers = () => Promise.resolve(false),
  ): Promise<Checkout> {
    const project = await Deno.makeTempDir({ prefix: "casino checkout " });
    const own = {
      RABBITMQ_URL: `amqp://guest:guest@127.0.0.1:${freePort()}`,
      REDIS_URL: `redis://127.0.0.1:${freePort()}`,
      DATABASE_URL: `postgres://casino:casino@127.0.0.1:${freePort()}/casino`,
    };
    return new Checkout(project, { ...own, ...config }, inContainers);
  }

  up(config: Partial<ServerConfig> = {}): Promise<string[]> {
    const { project, inContainers } = this;
    return up({
      ...{ config: { ...this.config, ...config }, project, inContainers },
      say: (words) => this.said.push(words),
    });
  }

  async down(options: Partial<DownOptions> = {}): Promise<string[]> {
    const said: string[] = [];
    await down({ project: this.project, say: (words) => said.push(words), ...options });
    return said;
  }

  /** Where the data is, and what is known to run. */
  async folder(): Promise<{ path: string; state: State }> {
    const path = (await foldersOf(this.project))[0]!;
    return { path, state: await readState(path) };
  }

  /** The members' database, for the superuser of a Postgres that `up` has started. */
  async superuserUrl(): Promise<string> {
    const url = new URL(this.config.DATABASE_URL);
    const { path } = await this.folder();
    url.username = "postgres";
    url.password = await Deno.readTextFile(join(path, `postgres-${url.port}`, superuserFile));
    return url.href;
  }

  /** One command of rabbitmqctl. */
  async rabbitmqctl(...args: string[]): Promise<string> {
    const { folder: cwd, node, env, as } = await this.#erlang();
    return await runToEnd("/usr/lib/rabbitmq/bin/rabbitmqctl", ["-n", node, ...args], { cwd, as, env });
  }

  /**
   * A shell script that is a command line tool of RabbitMQ's, for this broker. It says what an operator would read: while the
   * broker is away, that is by an epmd that the tool starts, which then goes again. One that knows a node does not.
   * @param tool rabbitmqctl or another
   */
  async rabbitmqScript(tool: string): Promise<string> {
    const { folder, node, env, as } = await this.#erlang();
    // By a variable: RabbitMQ 4 counts a command's arguments to tell whether it reads from stdin.
    const own = { ...env, ERL_FLAGS: "", ERL_EPMD_ADDRESS: "127.0.0.1", RABBITMQ_NODENAME: node };
    const variables = Object.entries(own).map(([name, value]) => `${name}='${value}'`).join(" ");
    const user = as ? `setpriv --reuid=${as.uid} --regid=${as.gid} --clear-groups` : "";
    return [
      `cd '${folder}' || exit`,
      `env ${variables} ${user} /usr/lib/rabbitmq/bin/${tool} "$@"`,
      "status=$?",
      `epmd -port ${env.ERL_EPMD_PORT} -kill >/dev/null 2>&1`,
      "exit $status",
    ].join("\n");
  }

  /** How the command line tools find the broker, and as whom. */
  async #erlang() {
    const { path, state } = await this.folder();
    const { port } = urlOf("rabbitmq", this.config);
    const folder = join(path, `rabbitmq-${port}`);
    const epmd = state.processes.find((process) => process.name === "epmd");
    const words = await runToEnd("ps", ["-o", "args=", "-p", String(epmd?.pid)]);
    const { uid, gid } = await Deno.stat(join(folder, "mnesia"));
    return {
      folder,
      node: `casino${port}@localhost`,
      as: Deno.uid() === 0 && uid !== null && gid !== null ? { uid, gid } : undefined,
      env: {
        HOME: folder,
        ERL_EPMD_PORT: /-port (\d+)/.exec(words)?.[1] ?? "",
        ERL_FLAGS: withoutEpmd,
        RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down({ deleteData: true });
    await Deno.remove(this.project, { recursive: true });
  }
}

/** Puts a program of this name before all others of the name, until it is disposed of. */
export async function shadowProgram(name: string, script: string): Promise<AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "casino-path-" });
  // Servers run as users of their own.
  await Deno.chmod(folder, 0o755);
  await Deno.writeTextFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await Deno.chmod(join(folder, name), 0o755);
  const before = Deno.env.get("PATH") ?? "";
  Deno.env.set("PATH", `${folder}:${before}`);
  return {
    async [Symbol.asyncDispose]() {
      Deno.env.set("PATH", before);
      await Deno.remove(folder, { recursive: true });
    },
  };
}
