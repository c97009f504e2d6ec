import { deepStrictEqual } from "node:assert/strict";
import { isKnownHost } from "./hosts.ts";

const known = (hosts: string[], local: string, allowed: string[] = []) =>
  hosts.filter((host) => isKnownHost(host, local, allowed));

Deno.test("isKnownHost() accepts loopback names, the connected address and allowed names", () => {
  const ours = ["localhost:8080", "127.0.0.1", "[::1]:8080", "10.0.0.7:8080", "Events.Example:8443", "events.example"];
  deepStrictEqual(known(ours, "10.0.0.7", ["events.example"]), ours);
  const ipv6 = ["[fd00::7]:8080", "[FD00:0:0::7]"];
  deepStrictEqual(known(ipv6, "fd00::7"), ipv6);
});

Deno.test("isKnownHost() rejects other names, because another site's name may lead here", () => {
  const others = ["evil.example", "10.0.0.7.evil.example", "events.example.evil", "10.0.0.8", "[fd00::8]", "", ":8080"];
  deepStrictEqual(known(others, "10.0.0.7", ["events.example"]), []);
  deepStrictEqual(known(others, "fd00::7", ["events.example"]), []);
});
