/** However many clients a subscriber's HTTP has, and whatever they do, events are still processed. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { mostOfAddress } from "../../../subscriber/http/server/connections.ts";
import type { Member } from "../../../tools/demo/members.ts";
import { eventually } from "../../fixtures/eventually.ts";
import { get, urlOf } from "../../harness/http.ts";
import { withWorld, type World } from "../../harness/world.ts";

const halfAHeader = new TextEncoder().encode("GET /overview HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: ");

/** Opens connections and keeps them open. Every second one sends half of a request's header. */
async function crowd(url: string, count: number): Promise<Disposable> {
  const { hostname, port } = new URL(url);
  const open: Deno.Conn[] = [];
  for (let i = 0; i < count; i++) {
    const conn = await Deno.connect({ hostname, port: Number(port) });
    open.push(conn);
    // The server may close a connection at once; such connections count too.
    if (i % 2 === 0) await conn.write(halfAHeader).catch(() => {});
  }
  return { [Symbol.dispose]: () => open.forEach((conn) => conn.close()) };
}

async function stores(world: World, count: number): Promise<void> {
  const before = await world.rows();
  await world.publish("--count", String(count));
  await world.untilSettled(before + count);
}

Deno.test("clients that use up a subscriber's descriptors block neither events nor other clients", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const member = await world.startSubscriber("one", {}, { http: "127.0.0.1:0" });
    const url = urlOf(member);
    await stores(world, 200);
    const { pid } = member.child;
    const most = descriptorsOf(member) + 20;
    const limit = `--nofile=${most}:${most}`;
    const { success } = await new Deno.Command("prlimit", { args: [limit, "--pid", String(pid)] }).output();
    strictEqual(success, true, limit);
    {
      using _ = await crowd(url, 200);
      await world.untilLogged(member, "http.not_accepting");
      await stores(world, 300);
      deepStrictEqual(await (await get(`${url}/health/live`)).json(), { status: "live" });
    }
    await stores(world, 100);
    await world.stop(member);
    strictEqual((await member.ended).code, 0);
  });
});

Deno.test("a subscriber limits connections per address when 3,000 clients send half of a header", async () => {
  await withWorld(async (world) => {
    await world.startRatesApi();
    const member = await world.startSubscriber("one", {}, { http: "127.0.0.1:0" });
    const url = urlOf(member);
    await stores(world, 200);
    const before = descriptorsOf(member);
    using _ = await crowd(url, 3_000);
    deepStrictEqual(await (await get(`${url}/health/live`)).json(), { status: "live" });
    await eventually("the bound", () => descriptorsOf(member) <= before + mostOfAddress);
    await stores(world, 300);
  });
});

function descriptorsOf({ child: { pid } }: Member): number {
  return Array.from(Deno.readDirSync(`/proc/${pid}/fd`)).length;
}
