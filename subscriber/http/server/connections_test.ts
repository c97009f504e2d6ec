import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { VirtualClock } from "../../../tests/fixtures/virtual_clock.ts";
import { type Connection, Connections, mostConnections, mostOfAddress } from "./connections.ts";

function opener(connections: Connections) {
  const closed: string[] = [];
  const open = (name: string, address: string | undefined): Connection => {
    const connection = { address, close: () => void closed.push(name) };
    connections.add(connection);
    return connection;
  };
  return { open, closed };
}

Deno.test("Connections closes the longest idle connection to accept a new one", () => {
  const connections = new Connections(new VirtualClock());
  const { open, closed } = opener(connections);
  const busy = open("busy", "address busy");
  connections.begin(busy);
  for (let i = 1; i < mostConnections; i++) open(`idle ${i}`, `address ${i}`);
  open("new", "address new");
  deepStrictEqual([closed, connections.size], [["idle 1"], mostConnections]);
});

Deno.test("Connections accepts no more while every connection serves a request", () => {
  const connections = new Connections(new VirtualClock());
  const { open, closed } = opener(connections);
  for (let i = 0; i < mostConnections; i++) connections.begin(open(`busy ${i}`, `address ${i}`));
  open("new", "address new");
  deepStrictEqual([closed, connections.size], [["new"], mostConnections]);
});

Deno.test("Connections of one address make room for each other only; a trusted proxy may use all", () => {
  const connections = new Connections(new VirtualClock());
  const { open, closed } = opener(connections);
  open("other", "address other");
  for (let i = 0; i < mostOfAddress; i++) open(`one ${i}`, "address one");
  open("one more", "address one");
  deepStrictEqual([closed, connections.size], [["one 0"], mostOfAddress + 1]);
  for (let i = connections.size; i < mostConnections; i++) open("proxied", undefined);
  deepStrictEqual([closed.length, connections.size], [1, mostConnections]);
});

Deno.test("Connections sets no timer without open connections", async () => {
  const [clock, stop] = [new VirtualClock(), new AbortController()];
  const connections = new Connections(clock);
  const { open } = opener(connections);
  const sweeping = connections.sweep(stop.signal);
  await clock.advance(5_000);
  strictEqual(clock.sleepers, 0);
  const connection = open("one", "address");
  await clock.advance(0);
  strictEqual(clock.sleepers, 1);
  connections.remove(connection);
  await clock.advance(1_000);
  strictEqual(clock.sleepers, 0);
  stop.abort();
  await sweeping;
});

Deno.test("Connections closes a connection 10 s without a first request, or 75 s without a next one", async () => {
  const clock = new VirtualClock();
  const connections = new Connections(clock);
  const { open, closed } = opener(connections);
  const stop = new AbortController();
  const sweeping = connections.sweep(stop.signal);
  open("silent", "address");
  const answered = open("answered", "address");
  connections.begin(open("under way", "address"));
  connections.begin(answered);
  connections.end(answered);
  await clock.advance(9_000);
  deepStrictEqual(closed, []);
  await clock.advance(1_000);
  deepStrictEqual(closed, ["silent"]);
  await clock.advance(64_000);
  deepStrictEqual(closed, ["silent"]);
  await clock.advance(1_000);
  deepStrictEqual(closed, ["silent", "answered"]);
  strictEqual(connections.size, 1);
  stop.abort();
  await sweeping;
});
