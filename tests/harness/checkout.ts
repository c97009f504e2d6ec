/**
 * An empty checkout with its own free ports, for tests of `up` and `down` in this process. Its servers always run from
 * the system's packages, not from Docker, because tests kill and pause them.
 */
import { join } from "node:path";
import { freePort } from "../../tools/demo/members.ts";
import { type Identity, runProgram } from "../../tools/run_program.ts";
import { down, type DownOptions, up } from "../../tools/services/up_and_down.ts";
import { foldersOf, nativeFolder, readState, type State } from "../../tools/services/folder.ts";
import { superuserFile } from "../../tools/services/native/postgres.ts";
import { nodeNameOf, rabbitmq, withoutEpmd } from "../../tools/services/native/rabbitmq.ts";
import { identityFor } from "../../tools/services/native/start.ts";
import { type ServerConfig, urlOf } from "../../tools/services/server.ts";
import { TemporaryFolder } from "./temporary.ts";

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

  /** The data folder, and its state: the processes that `up` has recorded. */
  async folder(): Promise<{ path: string; state: State }> {
    const path = (await foldersOf(this.project))[0]!;
    return { path, state: await readState(path) };
  }

  /** URL of the members' database, for the superuser of the Postgres that `up` started. */
  async superuserUrl(): Promise<string> {
    const url = new URL(this.config.DATABASE_URL);
    const { path } = await this.folder();
    url.username = "postgres";
    url.password = await Deno.readTextFile(join(path, `postgres-${url.port}`, superuserFile));
    return url.href;
  }

  async rabbitmqctl(...args: string[]): Promise<string> {
    return await (await this.#tools()).run("rabbitmqctl", ...args);
  }

  /** Returns a shell script that runs one of RabbitMQ's command line tools for this broker. */
  async rabbitmqScript(tool: string): Promise<string> {
    return (await this.#tools()).script(tool);
  }

  async #tools(): Promise<RabbitmqTools> {
    const { path, state } = await this.folder();
    const url = urlOf("rabbitmq", this.config);
    const epmd = state.processes.find(({ name, port }) => name === "epmd" && port === url.port);
    const words = await runProgram("ps", ["-o", "args=", "-p", String(epmd?.pid)]);
    const epmdPort = /-port (\d+)/.exec(words)![1]!;
    return new RabbitmqTools(
      nativeFolder(path, "rabbitmq", url),
      await identityFor(rabbitmq),
      nodeNameOf(url),
      epmdPort,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down({ deleteData: true });
    await Deno.remove(this.project, { recursive: true });
  }
}

/** Puts a program first on the PATH until it is disposed. */
export async function shadowProgram(name: string, script: string): Promise<AsyncDisposable> {
  const folder = await TemporaryFolder.make("casino-path-");
  // The servers run as other users, which must reach the program.
  await Deno.chmod(folder.path, 0o755);
  await folder.write(name, `#!/bin/sh\n${script}\n`, 0o755);
  const before = Deno.env.get("PATH") ?? "";
  Deno.env.set("PATH", `${folder.path}:${before}`);
  return {
    async [Symbol.asyncDispose]() {
      Deno.env.set("PATH", before);
      await folder[Symbol.asyncDispose]();
    },
  };
}

const programs = "/usr/lib/rabbitmq/bin";

export class RabbitmqTools {
  readonly #env: Readonly<Record<string, string>>;

  /** @param folder the node's folder, with its cookie @param as the user that runs the tools */
  constructor(
    private readonly folder: string,
    private readonly as: Identity | undefined,
    node: string,
    epmdPort: string,
  ) {
    this.#env = {
      HOME: folder,
      // A variable, not an argument: RabbitMQ 4 decides by the number of arguments whether to read stdin.
      RABBITMQ_NODENAME: node,
      RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
      ERL_EPMD_PORT: epmdPort,
      ERL_FLAGS: withoutEpmd,
    };
  }

  /** @param tool such as rabbitmqctl @returns its output */
  async run(tool: string, ...args: string[]): Promise<string> {
    return await runProgram(join(programs, tool), args, { cwd: this.folder, as: this.as, env: this.#env });
  }

  /**
   * Returns a shell script that runs the tool and prints what an operator would see. While the broker is down, the tool
   * starts an epmd, which the script stops: without an epmd, the tool would print another error.
   */
  script(tool: string): string {
    const own: Readonly<Record<string, string>> = { ...this.#env, ERL_FLAGS: "", ERL_EPMD_ADDRESS: "127.0.0.1" };
    const variables = Object.entries(own).map(([name, value]) => `${name}='${value}'`).join(" ");
    const user = this.as ? `setpriv --reuid=${this.as.uid} --regid=${this.as.gid} --clear-groups` : "";
    return [
      `cd '${this.folder}' || exit`,
      `env ${variables} ${user} ${join(programs, tool)} "$@"`,
      "status=$?",
      // An epmd that still serves a node refuses to be killed.
      `epmd -port ${this.#env["ERL_EPMD_PORT"]} -kill >/dev/null 2>&1`,
      "exit $status",
    ].join("\n");
  }
}
