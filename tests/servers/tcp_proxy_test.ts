import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { systemClock } from "../../shared/runtime/clock.ts";
import { seededRandom } from "../../shared/runtime/random.ts";
import { passageOf, TcpProxy } from "./tcp_proxy.ts";

/** Runs `use` with an echo server behind a proxy. */
async function withEcho(use: (proxy: TcpProxy, dial: () => Promise<Deno.TcpConn>) => Promise<void>): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const clients: Deno.TcpConn[] = [];
  {
    await using proxy = await TcpProxy.before(
      `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
      seededRandom(1),
    );
    await use(proxy, async () => {
      const [hostname = "", port] = proxy.address.split(":");
      const client = await Deno.connect({ hostname, port: Number(port) });
      clients.push(client);
      return client;
    });
    for (const client of clients) client.close();
  }
  server.close();
  await once(server, "close");
}

const sent = Uint8Array.from({ length: 10_000 }, (_, i) => i % 251);

async function echo(client: Deno.TcpConn, bytes: Uint8Array): Promise<Uint8Array> {
  const back = new Uint8Array(bytes.length);
  const writing = (async () => {
    for (let done = 0; done < bytes.length;) done += await client.write(bytes.subarray(done));
  })();
  const reading = (async () => {
    for (let done = 0; done < back.length;) {
      const count = await client.read(back.subarray(done));
      if (count === null) throw new Error(`the connection ended after ${done} bytes`);
      done += count;
    }
  })();
  await Promise.all([reading, writing]);
  return back;
}

Deno.test("TcpProxy passes every byte in order, also late, slowly and in slices", async () => {
  await withEcho(async (proxy, dial) => {
    const client = await dial();
    deepStrictEqual(await echo(client, sent), sent);
    proxy.poison({ kind: "latency", ms: 5, jitterMs: 5 }, { kind: "slicing", bytes: 900, ms: 1 });
    deepStrictEqual(await echo(client, sent), sent);
    proxy.poison({ kind: "bandwidth", bytesPerSecond: 1_000_000 });
    deepStrictEqual(await echo(client, sent), sent);
  });
});

Deno.test("TcpProxy as a black hole passes nothing until it is healed, then everything", async () => {
  await withEcho(async (proxy, dial) => {
    const client = await dial();
    await echo(client, sent);
    proxy.poison({ kind: "black-hole" });
    let back: Uint8Array | undefined;
    const echoing = echo(client, sent).then((bytes) => back = bytes);
    await systemClock.sleep(200);
    strictEqual(back, undefined);
    proxy.poison();
    deepStrictEqual(await echoing, sent);
  });
});

Deno.test("TcpProxy resets connections at once, after a number of bytes, and new ones", async () => {
  await withEcho(async (proxy, dial) => {
    const first = await dial();
    await echo(first, sent);
    proxy.cut();
    await rejects(echo(first, sent), Deno.errors.ConnectionReset);

    proxy.poison({ kind: "cut-after", bytes: 5_000 });
    await rejects(dial().then((client) => echo(client, sent.subarray(0, 6_000))));

    proxy.poison({ kind: "refuse" });
    await rejects(dial().then((client) => echo(client, sent)));
    proxy.poison();
    deepStrictEqual(await echo(await dial(), sent), sent);
  });
});

Deno.test("passageOf() neither loses nor adds a byte", () => {
  const { slices } = passageOf(sent, [{ kind: "slicing", bytes: 7, ms: 1 }], seededRandom(3));
  strictEqual(slices.every((slice) => slice.length >= 1 && slice.length <= 7), true);
  deepStrictEqual(Uint8Array.from(slices.flatMap((slice) => [...slice])), sent);
});
