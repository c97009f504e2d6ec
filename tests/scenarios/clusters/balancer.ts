/** One address for several servers, as a Service of Kubernetes or a load balancer gives it: each connection goes to the next that answers. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";

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
      // What one side loses the other loses as well.
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
