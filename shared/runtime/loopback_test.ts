import { deepStrictEqual } from "node:assert/strict";
import { isLoopback } from "./loopback.ts";

Deno.test("isLoopback() knows this machine's own addresses", () => {
  const hosts = ["127.0.0.1", "127.3.2.1", "localhost", "::1", "[::1]"];
  deepStrictEqual(hosts.filter((host) => !isLoopback(host)), []);
});

Deno.test("isLoopback() is not taken in by names that look like addresses", () => {
  const hosts = ["0.0.0.0", "10.0.0.1", "127.example.com", "127.0.0.1.example.com", "localhost.example.com", "::", ""];
  deepStrictEqual(hosts.filter(isLoopback), []);
});
