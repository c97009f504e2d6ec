/** A cluster of three RabbitMQ nodes behind one address, which leads to a node that answers, like a Service. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { freePort } from "../../../tools/demo/members.ts";
import { type Identity, runProgram } from "../../../tools/run_program.ts";
import { nodeNameOf, rabbitmq } from "../../../tools/services/native/rabbitmq.ts";
import { ensurePrograms, give, identityFor, launchAll } from "../../../tools/services/native/start.ts";
import { findPrograms } from "../../../tools/services/packages.ts";
import { isListening } from "../../../tools/services/probe.ts";
import { type Launch, launch, type Process, stop } from "../../../tools/services/process.ts";
import { RabbitmqTools } from "../../harness/checkout.ts";

const stopGraceMs = 30_000;
/** As in private_servers.ts, so that a silent node is noticed within a test's timeout. */
const heartbeatSeconds = 3;

/** The settings of deploy/kubernetes. */
const settings = ["cluster_partition_handling = pause_minority", "queue_leader_locator = balanced"];

export class RabbitmqCluster implements AsyncDisposable {
  readonly nodes: Node[] = [];
  #epmd: Process | undefined;

  private constructor(
    readonly folder: string,
    readonly balancer: Balancer,
    private readonly as: Identity | undefined,
  ) {}

  static async start(): Promise<RabbitmqCluster> {
    await ensurePrograms([rabbitmq], console.error);
    const folder = await Deno.makeTempDir({ prefix: "casino-cluster-" });
    await Deno.chmod(folder, 0o755);
    const cluster = new RabbitmqCluster(folder, await Balancer.start(), await identityFor(rabbitmq));
    try {
      await cluster.#begin();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get url(): string {
    return `amqp://guest:guest@${this.balancer.address}?heartbeat=${heartbeatSeconds}`;
  }

  /** The node that leads the queue. */
  async leaderOf(queue: string): Promise<Node> {
    const { leader } = await this.#queue(queue);
    return this.nodes.find(({ name }) => name === leader)!;
  }

  /** How many nodes hold a replica of the queue and answer. */
  async online(queue: string): Promise<number> {
    return (await this.#queue(queue)).online.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.balancer[Symbol.asyncDispose]();
    // A graceful stop would wait for a majority of the nodes.
    for (const node of this.nodes) await node.kill();
    if (this.#epmd) await stop(this.#epmd, stopGraceMs);
    await Deno.remove(this.folder, { recursive: true });
  }

  async #queue(name: string): Promise<{ leader: string; online: string[] }> {
    const node = await this.#first();
    const words = ["list_queues", "--quiet", "--formatter", "json", "name", "leader", "online"];
    const queues: { name: string; leader: string; online: string[] }[] = JSON.parse(
      await node.tools.run("rabbitmqctl", ...words),
    );
    const found = queues.find((each) => each.name === name);
    if (!found) throw new Error(`the cluster has no queue ${name}`);
    return found;
  }

  async #first(): Promise<Node> {
    for (const node of this.nodes) if (await isListening(node.url)) return node;
    throw new Error("no node answers");
  }

  async #begin(): Promise<void> {
    const programs = (await findPrograms(rabbitmq))!;
    const cookie = crypto.randomUUID();
    for (let n = 0; n < 3; n++) {
      const url = new URL(`amqp://guest:guest@127.0.0.1:${freePort()}`);
      const folder = join(this.folder, `node-${n + 1}`);
      await Deno.mkdir(folder);
      const run = (program: string, args: readonly string[]) => runProgram(program, args, { cwd: folder, as: this.as });
      const [epmd, server] = await rabbitmq.prepare({ folder, programs, url, run }) as [Launch, Launch];
      await Deno.writeTextFile(join(folder, ".erlang.cookie"), cookie, { mode: 0o400 });
      // The first node begins the cluster, and the others join it.
      const peers = [...n > 0 ? [this.nodes[0]!.name] : [], nodeNameOf(url)];
      const peering = peers.map((peer, i) => `cluster_formation.classic_config.nodes.${i + 1} = ${peer}`);
      const backend = "cluster_formation.peer_discovery_backend = classic_config";
      const lines = [...settings, backend, ...peering, ""].join("\n");
      await Deno.writeTextFile(join(folder, "rabbitmq.conf"), lines, { append: true });
      await give(folder, this.as);
      this.#epmd ??= await launch(epmd, url.port, folder, join(folder, "epmd.log"), this.as);
      const epmdPort = this.nodes[0]?.epmdPort ?? String(epmd.readyAt);
      this.nodes.push(new Node(url, folder, server, epmdPort, this.as));
      await this.nodes[n]!.start();
      this.balancer.add(Number(url.port));
    }
  }
}

export class Node {
  readonly name: string;
  readonly tools: RabbitmqTools;
  #process: Process | undefined;

  constructor(
    readonly url: URL,
    private readonly folder: string,
    private readonly server: Launch,
    readonly epmdPort: string,
    private readonly as: Identity | undefined,
  ) {
    this.name = nodeNameOf(url);
    this.tools = new RabbitmqTools(folder, as, this.name, epmdPort);
  }

  /** Resolves when the node accepts connections. */
  async start(): Promise<void> {
    const { name: title, url, folder, as } = this;
    const server = { ...this.server, env: { ...this.server.env, ERL_EPMD_PORT: this.epmdPort } };
    const started = (process: Process) => void (this.#process = process);
    await launchAll([server], { title, url, folder, log: join(folder, "server.log"), as, started });
  }

  async stop(): Promise<void> {
    if (this.#process) await stop(this.#process, stopGraceMs);
  }

  /**
   * Cuts the node off from the others: with another cookie for them, it can neither reach them nor be reached.
   * @returns a function that ends the partition
   */
  async partition(others: readonly Node[]): Promise<() => Promise<unknown>> {
    const peers = others.map(({ name }) => `'${name}'`).join();
    const evaluate = (each: string) => this.tools.run("rabbitmqctl", "eval", `[${each} || N <- [${peers}]].`);
    await evaluate("{erlang:set_cookie(N, partitioned), erlang:disconnect_node(N)}");
    return () => evaluate("erlang:set_cookie(N, erlang:get_cookie())");
  }

  async kill(): Promise<void> {
    if (this.#process) await stop({ ...this.#process, stopSignal: "SIGKILL" }, stopGraceMs);
  }
}

export class Balancer implements AsyncDisposable {
  readonly #ports: number[] = [];
  readonly #open = new Set<Socket>();
  #next = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Balancer> {
    const server = createServer();
    const balancer = new Balancer(server);
    server.on("connection", (client) => void balancer.#lead(client));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return balancer;
  }

  /** host:port */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** @param port of a server on this machine */
  add(port: number): void {
    this.#ports.push(port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  async #lead(client: Socket): Promise<void> {
    this.#keep(client);
    for (let tried = 0; tried < this.#ports.length; tried++) {
      const server = connect(this.#ports[this.#next++ % this.#ports.length]!, "127.0.0.1");
      this.#keep(server);
      const answered = await new Promise<boolean>((resolve) => {
        server.on("connect", () => resolve(true));
        server.on("close", () => resolve(false));
      });
      if (!answered) continue;
      // When one side of a connection breaks, break the other too.
      client.on("close", () => server.destroy());
      server.on("close", () => client.destroy());
      client.pipe(server).pipe(client);
      return;
    }
    client.destroy();
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => this.#open.delete(socket));
  }
}
