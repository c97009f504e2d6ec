/** RabbitMQ's command line tools, for one node of a test's own. */
import { join } from "node:path";
import { type Identity, runProgram } from "../../tools/run_program.ts";
import { withoutEpmd } from "../../tools/services/native/rabbitmq.ts";

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
