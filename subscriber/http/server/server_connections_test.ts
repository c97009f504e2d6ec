/** Tests the server over real sockets, with a clock that stands still. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eventually } from "../../../tests/fixtures/eventually.ts";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { silentLog } from "../../../shared/runtime/telemetry/log.ts";
import { mostOfAddress } from "./connections.ts";
import type { Caller } from "../request_limit.ts";
import { listen } from "./server.ts";
import { TrustedProxies } from "./trusted_proxies.ts";

type Answer = (request: Request, caller: Caller) => Response;

interface Served {
  readonly clock: VirtualClock;
  readonly port: number;
  connect(text?: string): Promise<Client>;
}

function test(name: string, answer: Answer, body: (served: Served) => Promise<void>, hostname = "127.0.0.1"): void {
  Deno.test(name, async () => {
    const clock = new VirtualClock();
    const clients: Client[] = [];
    const server = listen({
      address: { hostname, port: 0 },
      answer: (request, caller) => Promise.resolve(answer(request, caller)),
      proxies: new TrustedProxies(),
      ...{ clock, log: silentLog },
    });
    const { port } = server.address;
    const connect = async (text = "") => {
      const client = new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
      clients.push(client);
      await client.send(text);
      return client;
    };
    try {
      await body({ clock, port, connect });
    } finally {
      const closed = server.close();
      await clock.advance(1_000);
      await closed;
      for (const client of clients) await client.close();
    }
  });
}

/** A connection, and the text that it has received. */
class Client {
  received = "";
  ended = false;
  readonly #reading: Promise<void>;

  constructor(private readonly conn: Deno.Conn) {
    this.#reading = this.#read();
  }

  async send(text: string): Promise<void> {
    await this.conn.write(new TextEncoder().encode(text));
  }

  async close(): Promise<void> {
    if (!this.ended) this.conn.close();
    this.ended = true;
    await this.#reading;
  }

  async #read(): Promise<void> {
    const bytes = new Uint8Array(65_536);
    try {
      for (let length; (length = await this.conn.read(bytes)) !== null;) {
        this.received += new TextDecoder().decode(bytes.subarray(0, length));
      }
    } catch {
      // The server reset the connection, or the test closed it.
    }
    if (!this.ended) this.conn.close();
    this.ended = true;
  }
}

const hello: Answer = ({ method, url }, { address }) =>
  new Response(`${method} ${new URL(url).pathname} from ${address}`, { headers: { "x-one": "1" } });
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

test("one connection serves many requests, each with status, headers and body", hello, async ({ connect }) => {
  const client = await connect(get("/a"));
  await eventually("the first answer", () => client.received.includes("GET /a from 127.0.0.1"));
  match(client.received, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*x-one: 1\r\n/i);
  await client.send(get("//b"));
  await eventually("the second answer", () => client.received.includes("GET //b from 127.0.0.1"));
});

test("a header that is never finished closes its own connection after 10 s", hello, async (served) => {
  const slow = await served.connect("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ");
  await served.clock.advance(5_000);
  await slow.send("and slow ");
  const other = await served.connect(get("/"));
  await eventually("an answer", () => other.received.includes("200 OK"));
  await served.clock.advance(5_000);
  await eventually("the end of the slow one", () => slow.ended);
  deepStrictEqual([slow.received, other.ended], ["", false]);
});

test("idle connections of one address do not block its next request", hello, async ({ connect }) => {
  const idle: Client[] = [];
  for (let i = 0; i < mostOfAddress + 10; i++) idle.push(await connect(i % 2 === 0 ? "" : "GET / HTTP/1.1\r\nX-"));
  const next = await connect(get("/"));
  await eventually("an answer", () => next.received.includes("200 OK"));
  await eventually("room", () => idle.filter(({ ended }) => !ended).length < mostOfAddress);
});

const endless = { pulled: 0, cancelled: false };
test(
  "a reader that takes nothing for 10 s is disconnected, and its stream stops",
  () => {
    const part = new Uint8Array(65_536);
    return new Response(
      new ReadableStream({
        pull(controller) {
          endless.pulled++;
          controller.enqueue(part);
        },
        cancel: () => void (endless.cancelled = true),
      }),
    );
  },
  async ({ clock, port }) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode(get("/")));
    let before = -1;
    await eventually("a full buffer", async () => {
      const is = before > 0 && endless.pulled === before;
      before = endless.pulled;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return is;
    });
    await clock.advance(10_000);
    await eventually("the end", () => endless.cancelled);
  },
);

const streamed = { cancelled: false };
test(
  "a stream ends for its writer when the reader leaves",
  () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
        cancel: () => void (streamed.cancelled = true),
      }),
    ),
  async ({ connect }) => {
    const client = await connect(get("/"));
    await eventually("the first part", () => client.received.includes("first"));
    await client.close();
    await eventually("the end", () => streamed.cancelled);
  },
);

test("a malformed request gets 400, and affects nothing else", hello, async ({ connect }) => {
  for (
    const text of [
      "\x16\x03\x01\x02\x00\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: [\r\n\r\n",
      "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
  ) {
    const client = await connect(text);
    await eventually("an answer", () => client.received.includes("HTTP/1.1 400"));
  }
  const client = await connect(get("/"));
  await eventually("an answer", () => client.received.includes("200 OK"));
});

test(
  "[::] serves both families, and shows IPv4 addresses as such",
  hello,
  async ({ port }) => {
    const texts = [];
    for (const host of ["127.0.0.1", "[::1]"]) texts.push(await (await fetch(`http://${host}:${port}/`)).text());
    deepStrictEqual(texts, ["GET / from 127.0.0.1", "GET / from ::1"]);
  },
  "::",
);

test(
  "a request in flight gets a second when the server closes",
  () => new Response(new ReadableStream()),
  async ({ connect }) => {
    const client = await connect(get("/"));
    await eventually("headers", () => client.received.includes("200 OK"));
    strictEqual(client.ended, false);
  },
);
