/**
 * An empty checkout with free ports of its own, for what `up` and `down` do in process. Its servers run from the system's
 * packages, whether a Docker engine answers or not: tests kill and pause them.
 */
import { join } from "node:path";
import { freePort } from "../../tools/demo/members.ts";
import { type Identity, runProgram } from "../../tools/run_program.ts";
import { down, type DownOptions } from "../../tools/services/down.ts";
import { foldersOf, nativeFolder, readState, type State } from "../../tools/services/folder.ts";
import { superuserFile } from "../../tools/services/native/postgres.ts";
import { nodeNameOf, rabbitmq, withoutEpmd } from "../../tools/services/native/rabbitmq.ts";
import { identityFor } from "../../tools/services/native/start.ts";
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
    return await (await this.#tools()).run("rabbitmqctl", ...args);
  }

  /** A shell script that is a command line tool of RabbitMQ's, for this broker. @param tool rabbitmqctl or another */
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

const programs = "/usr/lib/rabbitmq/bin";

export class RabbitmqTools {
  readonly #env: Readonly<Record<string, string>>;

  /** @param folder the node's, with its cookie @param as whom it runs as */
  constructor(
    private readonly folder: string,
    private readonly as: Identity | undefined,
    node: string,
    epmdPort: string,
  ) {
    this.#env = {
      HOME: folder,
      // By a variable: RabbitMQ 4 counts a command's arguments to tell whether it reads from stdin.
      RABBITMQ_NODENAME: node,
      RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
      ERL_EPMD_PORT: epmdPort,
      ERL_FLAGS: withoutEpmd,
    };
  }

  /** @param tool rabbitmqctl or another @returns what it says */
  async run(tool: string, ...args: string[]): Promise<string> {
    return await runProgram(join(programs, tool), args, { cwd: this.folder, as: this.as, env: this.#env });
  }

  /**
   * The same as a shell script, which says what an operator would read: while the broker is away, that is by an epmd that the
   * tool starts, which then goes again. A tool that is kept from starting one says something else.
   */
  script(tool: string): string {
    const own: Readonly<Record<string, string>> = { ...this.#env, ERL_FLAGS: "", ERL_EPMD_ADDRESS: "127.0.0.1" };
    const variables = Object.entries(own).map(([name, value]) => `${name}='${value}'`).join(" ");
    const user = this.as ? `setpriv --reuid=${this.as.uid} --regid=${this.as.gid} --clear-groups` : "";
    return [
      `cd '${this.folder}' || exit`,
      `env ${variables} ${user} ${join(programs, tool)} "$@"`,
      "status=$?",
      // It leaves alone one that knows a node.
      `epmd -port ${this.#env["ERL_EPMD_PORT"]} -kill >/dev/null 2>&1`,
      "exit $status",
    ].join("\n");
  }
}
